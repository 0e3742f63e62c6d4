package container

import (
	"os"
	"strings"

	"github.com/mage-os/nightly/releases"
)

// shell says how to open a shell in a container like the step's.
func (e *Engine) shell(s step) string {
	open := "dagger core container "
	if e.options.Address != "" {
		open = "_EXPERIMENTAL_DAGGER_RUNNER_HOST=" + e.options.Address + " " + open
	}
	path, local := strings.CutPrefix(s.Image, "file://")
	switch info, err := os.Stat(path); {
	case s.Image == "":
		return "none, for it holds nothing but this program; the same command with --runner process runs the stage here, where it can be looked at"
	case releases.IsRecipe(s.Image):
		return "docker build and docker run with " + releases.ImageTitle(s.Image) + ", which the installation's report has"
	case !local:
		return open + "from --address " + s.Image + " terminal"
	case err == nil && info.IsDir():
		return open + "with-rootfs --directory " + path + " terminal"
	}
	return open + "import --source " + path + " terminal"
}
