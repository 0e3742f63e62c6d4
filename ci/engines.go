package ci

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
)

// engines are all engines, that of the other stages first.
func (c *chain) engines() []*container.Engine {
	if c.engine == nil {
		return nil
	}
	return append([]*container.Engine{c.engine}, c.others...)
}

// useOthers connects the chain to more engines. They get the night from the
// first one, through this machine.
func (c *chain) useOthers(ctx context.Context, f runnerFlags, o container.Options) error {
	for _, address := range f.others {
		o.Address, o.Store, o.Results = address, c.engine.Store(), forgetful{}
		engine, err := container.Connect(ctx, o)
		if err != nil {
			return err
		}
		c.others = append(c.others, engine)
		c.show.runner(inContainers, "and cells of the matrix on "+engine.Describe())
	}
	return nil
}

// forgetful keeps nothing: what made a tree is known to the first engine alone,
// so that the others get the tree itself.
type forgetful struct{}

var _ pipeline.Results = forgetful{}

// Load implements pipeline.Results.
func (forgetful) Load(context.Context, pipeline.Digest) ([]byte, error) { return nil, fs.ErrNotExist }

// Save implements pipeline.Results.
func (forgetful) Save(context.Context, pipeline.Digest, []byte) error { return nil }

// received are the files that stages sent, as far as they have come.
type received struct {
	mu    sync.Mutex
	parts map[string][]byte
}

// takeFile writes what a stage in a container sends into the folder of its cell.
func (c *chain) takeFile(name string, part []byte) {
	c.files.mu.Lock()
	defer c.files.mu.Unlock()
	if c.files.parts == nil {
		c.files.parts = map[string][]byte{}
	}
	if !filepath.IsLocal(name) || c.reports == "" {
		return
	}
	c.files.parts[name] = append(c.files.parts[name], part...)
	file := c.reports + filepath.FromSlash(name)
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, c.files.parts[name], 0o644)
	}
	if err != nil {
		c.log.Warn(fmt.Sprintf("cannot write the report %s", file), "error", err)
	}
}
