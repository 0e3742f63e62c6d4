package main

import (
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/git"
)

// history is where the commits between two nights come from, for ci compare, the
// page and release notes.
func (c *chain) history() releases.History {
	return git.NewHistory(git.Options{Token: c.world.token, SSH: c.world.ssh(), Locate: c.carried.locate, Log: c.log})
}
