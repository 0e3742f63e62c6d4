package runner

import (
	"slices"
	"testing"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/install"
)

// Package code reaches the services of a shop where there is one, and the gateway.
func TestSandboxDoors(t *testing.T) {
	r := &Runner{Environ: []string{DatabaseVariable + "=mysql://u:p@127.0.0.1/shop", CacheVariable + "=redis://127.0.0.1"}}
	o := install.Options{Gateway: "http://127.0.0.1:8080", Services: install.Services{Search: "http://127.0.0.1:9200"}}
	for level, want := range map[releases.Level][]string{
		releases.Installed: {"127.0.0.1:8080"},
		releases.Setup:     {"127.0.0.1:6379", "127.0.0.1:3306", "127.0.0.1:8080", "127.0.0.1:9200"},
	} {
		n, err := r.sandboxNeeds(stages.Candidate{Install: releases.Install{Level: level}}, o, "")
		var doors []string
		for _, door := range n.Doors {
			doors = append(doors, door.Outside)
		}
		if err != nil || !slices.Equal(doors, want) {
			t.Errorf("%s: %q, %v; want %q", level, doors, err, want)
		}
	}
}
