// Command supported keeps docs/supported.md to what `make matrix` has run. testdata/supported.tsv has a row for each kind of
// interpreter, with the matrix's findings, and the document's table is made from that file.
//
//	go run ./scripts/supported -merge .cache/matrix/table.tsv   take over its rows, and write the table
//	go run ./scripts/supported -check                           exit 1 if the document's table is another
//	go run ./scripts/supported -promised .cache/matrix/table.tsv
//	                                                            exit 1 where a run did less than the table says
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

const (
	rowsFile = "testdata/supported.tsv"
	document = "docs/supported.md"
)

func main() {
	merge := flag.String("merge", "", "take over the rows of a `table` that the matrix wrote")
	check := flag.Bool("check", false, "compare the document's table with the rows and change nothing")
	promised := flag.String("promised", "", "compare what a `table` of the matrix says with the rows")
	flag.Parse()
	if err := run(*merge, *promised, *check, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "supported:", err)
		os.Exit(1)
	}
}

func run(merge, promised string, check bool, out io.Writer) error {
	rows, err := readRows(rowsFile)
	if err != nil {
		return err
	}
	switch {
	case merge != "":
		return update(rows, merge)
	case promised != "":
		seen, err := readRows(promised)
		if err != nil {
			return err
		}
		return keptBy(rows, seen, out)
	case check:
		return checkDocument(rows)
	}
	return errors.New("-merge, -promised or -check is needed")
}

// update writes both files.
func update(rows []row, path string) error {
	seen, err := readRows(path)
	if err != nil {
		return err
	}
	rows = merged(rows, seen)
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	changed, err := withTable(string(text), rows)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(rowsFile, []byte(format(rows)), 0o644), os.WriteFile(document, []byte(changed), 0o644))
}

func checkDocument(rows []row) error {
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	changed, err := withTable(string(text), rows)
	if err == nil && changed != string(text) {
		err = fmt.Errorf("the table in %s is not that of %s: run `go run ./scripts/supported -merge %[2]s`", document, rowsFile)
	}
	return err
}
