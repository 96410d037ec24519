"""What the ports promise, asked of the fakes and of the real things alike."""
