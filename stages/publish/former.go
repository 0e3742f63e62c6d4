package publish

import (
	"context"
	"path"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// formerPath is where a dist lies as well.
func (r *repository) formerPath(dist string) string {
	return path.Join(r.former, strings.TrimPrefix(dist, stages.DistsDir+"/"))
}

// putFormer writes dists under their former names, too. What was adopted stays as it is.
func (w *writer) putFormer(ctx context.Context, r *repository, dists map[string]target.Content) error {
	if r.former == "" {
		return nil
	}
	adopted, err := r.adopted(ctx)
	if err != nil {
		return err
	}
	files := map[string]target.Content{}
	for dist, content := range dists {
		if name := r.formerPath(dist); !adopted[name] {
			files[name] = content
		}
	}
	return w.putAll(ctx, files)
}

// formerOf are the former names, of dists that go, that are there and were not adopted.
func (w *writer) formerOf(ctx context.Context, r *repository, dists []string) (names []string, err error) {
	if r.former == "" || len(dists) == 0 {
		return nil, nil
	}
	adopted, err := r.adopted(ctx)
	for _, dist := range dists {
		if name := r.formerPath(dist); !adopted[name] && w.there[name].Name != "" {
			names = append(names, name)
		}
	}
	return names, err
}

// adopted are the files that lay there before, of what was adopted and is still there.
func (r *repository) adopted(ctx context.Context) (map[string]bool, error) {
	all := map[string]bool{}
	for _, n := range r.live {
		if n.name.Kind() != releases.Adoption {
			continue
		}
		m, err := n.manifest(ctx)
		if err != nil {
			return nil, err
		}
		for _, f := range adoptedFiles(m) {
			all[f.Path] = true
		}
	}
	return all, nil
}
