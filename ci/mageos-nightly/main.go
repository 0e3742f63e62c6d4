// Command mageos-nightly builds, proves and publishes a Composer distribution from its
// git repositories. Its commands are in package ci.
package main

import (
	"os"

	"github.com/mage-os/nightly/ci"
)

func main() { os.Exit(ci.Main()) }
