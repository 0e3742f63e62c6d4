package ci

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/git"
)

// carried is what this program carries in itself, laid out on disk when it is
// first asked for.
type carried struct {
	dir string

	once sync.Once
	err  error
}

// locate gives the folder of an embedded: URL.
func (c *carried) locate(url string) (string, error) {
	name, ok := releases.IsEmbedded(url)
	if !ok {
		return "", fmt.Errorf("%s is not carried in this program, as a URL that begins with embedded: would be", url)
	}
	c.once.Do(c.layOut)
	if c.err != nil {
		return "", fmt.Errorf("lay out %s: %w", url, c.err)
	}
	if name == "third-party" {
		return filepath.Join(c.dir, name), nil
	}
	if strings.ContainsAny(name, `/\`) || name == "" {
		return "", fmt.Errorf("%s: no such embedded repository", url)
	}
	return filepath.Join(c.dir, "repositories", name), nil
}

func (c *carried) layOut() {
	if c.err = git.Materialise(releases.Sample(), filepath.Join(c.dir, "repositories")); c.err != nil {
		return
	}
	c.err = releases.WriteThirdParty(filepath.Join(c.dir, "third-party"))
}
