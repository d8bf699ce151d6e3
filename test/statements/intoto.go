// SPDX-License-Identifier: GPL-2.0-or-later

// Reads an in-toto statement with SLSA provenance as the in-toto project's own code does. Ends with 1 and says why, if that
// does not take it: an unknown field, one of another type, a required one that is missing.
package main

import (
	"fmt"
	"os"

	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

const predicateType = "https://slsa.dev/provenance/v1"

func check(text []byte) error {
	var statement intoto.Statement
	if err := protojson.Unmarshal(text, &statement); err != nil {
		return err
	}
	if err := statement.Validate(); err != nil {
		return err
	}
	if statement.PredicateType != predicateType {
		return fmt.Errorf("the predicate's type is %s", statement.PredicateType)
	}
	text, err := protojson.Marshal(statement.Predicate)
	if err != nil {
		return err
	}
	var predicate provenance.Provenance
	if err := protojson.Unmarshal(text, &predicate); err != nil {
		return err
	}
	return predicate.Validate()
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = check(text)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
