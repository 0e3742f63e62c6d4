// Package kinds has the artefacts of the stages for the tests.
package kinds

import "github.com/mage-os/nightly/pipeline"

// An In is the input of all of them; each reads what it needs.
type In struct {
	Text  string            `json:"text"`
	Texts map[string]string `json:"texts"`
	Trees []pipeline.Tree   `json:"trees"`
}

// An Out is their result.
type Out struct {
	Text string        `json:"text"`
	Tree pipeline.Tree `json:"tree"`
}
