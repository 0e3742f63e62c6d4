package runner

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/releases/sample"
)

// Embedded gives the folders of embedded: URLs, which name what the program carries in
// itself. It lays that out below dir when it is first asked for. The function is safe for
// several goroutines.
func Embedded(dir string) func(url string) (string, error) {
	layOut := sync.OnceValue(func() error {
		if err := git.Materialise(sample.Sources, filepath.Join(dir, "repositories")); err != nil {
			return err
		}
		return sample.WriteThirdParty(filepath.Join(dir, "third-party"))
	})
	return func(url string) (string, error) {
		name, ok := releases.IsEmbedded(url)
		if !ok {
			return "", fmt.Errorf("%s is not carried in this program, as a URL that begins with embedded: would be", url)
		}
		if err := layOut(); err != nil {
			return "", fmt.Errorf("lay out %s: %w", url, err)
		}
		if name == "third-party" {
			return filepath.Join(dir, name), nil
		}
		if strings.ContainsAny(name, `/\`) || name == "" {
			return "", fmt.Errorf("%s: no such embedded repository", url)
		}
		return filepath.Join(dir, "repositories", name), nil
	}
}
