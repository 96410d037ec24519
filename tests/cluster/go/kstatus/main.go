// What Flux takes objects for: reads a List as JSON, and prints the verdict of Flux's own code on each item, a line each.
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	var objects unstructured.UnstructuredList
	if err := objects.UnmarshalJSON(text); err != nil {
		log.Fatal(err)
	}
	for _, object := range objects.Items {
		result, err := status.Compute(&object)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(result.Status)
	}
}
