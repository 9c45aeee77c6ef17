// Says of each line of its input whether Loki's own parser takes it for LogQL: an empty line, or what is wrong.
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/grafana/loki/v3/pkg/logql/syntax"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if _, err := syntax.ParseExpr(lines.Text()); err != nil {
			fmt.Printf("%q\n", err.Error())
		} else {
			fmt.Println()
		}
	}
}
