package nightly

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// ShopFile, behind a line's name in the folder install of a store, is the candidate that was proven
// last in containers. They keep no shop: it is installed again.
const ShopFile = "-shop.json"

func keepShop(file string, in stages.Candidate) error {
	data, err := json.MarshalIndent(in, "", "  ")
	if err != nil {
		return err
	}
	return files.Replace(file, append(data, '\n'))
}

// ReadShop reads a ShopFile.
func ReadShop(file string) (in stages.Candidate, err error) {
	data, err := files.Read(file, files.Large)
	if err != nil {
		return in, err
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return in, fmt.Errorf("%s: %w; run the night again", file, err)
	}
	return in, nil
}

// OpenShop installs a candidate again in the containers of its cell, with the same images, as far as
// there are pages, and lets its shop be reached until the context ends.
func OpenShop(ctx context.Context, r *runner.Runner, in stages.Candidate, way container.Entrance) error {
	run := &cellRun{proving: &proving{Runner: r}, engine: r.Engines[0], cell: in.Cell}
	if in.Cell.Search == releases.StandInSearch {
		run.search = in.Cell.Search
	}
	for _, image := range in.Images {
		switch {
		case strings.HasPrefix(image.Name, anyPHP+":"):
			run.php = image.Reference
		case image.Name == in.Cell.Database:
			run.database = image.Reference
		case image.Name == in.Cell.Search:
			run.search = image.Reference
		case image.Name == cacheImage:
			run.cache = image.Reference
		case image.Name == queueImage:
			run.queue = image.Reference
		}
	}
	in.Upgrade, in.Judge = stages.Upgrade{}, ""
	if in.Install.Level.Includes(releases.Setup) {
		in.Install.Level = releases.Shop
	}
	needs, err := run.needs(in, "")
	if err != nil {
		return err
	}
	needs.Env[runner.WebVariable], needs.Env[runner.KeyVariable] = way.Front.Addr().String(), way.Key
	return container.Open(ctx, run.engine, "install", in, needs, way)
}
