package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/page"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
)

// A Copy takes over a published repository as it lies there, byte for byte.
type Copy struct {
	From target.Source
	To   string
	// Client is how a repository that is signed is read. Without a root only one is copied that is not signed, by the
	// digests that it tells of itself.
	Client trust.ClientOptions
	// All says that also what an earlier copy has ended is compared, and what is damaged is mended.
	All    bool
	DryRun bool
}

// Copy brings a target to the state of a repository: what is there already is not asked for again, and the switch comes
// last. What the repository has no longer goes after the grace period. Its error is an *UntrustedError where the repository
// is not what it should be; the target then stays as it was.
func (o Options) Copy(ctx context.Context, c Copy) (p stages.Publication, err error) {
	o = o.withDefaults()
	err = target.With(ctx, c.To, o.Target, func(t target.Target) error {
		if _, err := foreign(ctx, t); err != nil {
			return err
		}
		return o.locked(ctx, t, c.DryRun, func(ctx context.Context) (err error) {
			run := &copying{Options: o, Copy: c, target: t, writer: o.writer(t, c.DryRun), known: map[releases.SnapshotName]bool{}}
			if p, err = run.copy(ctx); err != nil && ctx.Err() == nil {
				err = errors.Join(err, run.writer.takeBack(ctx))
			}
			var is *UntrustedError
			switch {
			case errors.As(err, &is):
				return fmt.Errorf("copy %s to %s: %w; nobody is led to any of it", c.From, t, err)
			case err != nil:
				return fmt.Errorf("copy %s to %s: %w; the repository there still is whole, run this again", c.From, t, err)
			}
			return nil
		})
	})
	return p, err
}

// A copying is a copy under way.
type copying struct {
	Options
	Copy
	target target.Target
	writer *writer
	origin *origin
	before observed
	all    []*snapshot                    // of the origin, newest first
	known  map[releases.SnapshotName]bool // those that an earlier copy has ended
}

func (c *copying) copy(ctx context.Context) (p stages.Publication, err error) {
	if c.origin, err = c.readOrigin(ctx); err != nil {
		return p, err
	}
	if c.before, err = c.readTarget(ctx, c.target, c.origin.read.Nightly.URL, signature{}); err != nil {
		return p, err
	}
	after, err := c.plan(ctx)
	if err != nil {
		return p, err
	}
	want := desired{base: after.base, now: c.Now, grace: c.Grace}
	if err := c.write(ctx, want, after); err != nil {
		return p, err
	}
	return c.writer.publication(c.before, want, after), nil
}

// plan works out what the target will have.
func (c *copying) plan(ctx context.Context) (*repository, error) {
	key := c.origin.read.Nightly
	r := &repository{base: key.URL, versions: key.Versions, former: key.Former, packages: c.origin.packages}
	if top, _, _ := strings.Cut(r.former, "/"); r.former != "" && (pipeline.ValidPath(r.former) != nil || slices.Contains(ours(), top) || target.IsLock(top)) {
		return nil, untrusted("%s of %s has dists below %.160q as well", stages.PackagesFile, c.From, r.former)
	}
	if err := c.look(ctx, stages.DistsDir, path.Join(metaDir, c.origin.read.folder())); err != nil {
		return nil, err
	}
	index, err := c.readMetadata(ctx)
	if err != nil {
		return nil, err
	}
	r.metadata = index
	if slices.ContainsFunc(key.Snapshots, isAdoption) { // what was adopted may lie anywhere
		if err := c.look(ctx, "."); err != nil {
			return nil, err
		}
	}
	if c.all, err = c.origin.snapshots(ctx, c.verified(), &indexed{Published{Index: index.index}, c.verified()}); err != nil {
		return nil, err
	}
	var held []*snapshot // there and here for clients that started before
	for _, n := range c.all {
		switch {
		case slices.Contains(key.Snapshots, n.name):
			r.snapshots = append(r.snapshots, n)
		case slices.Contains(key.Withdrawn, n.name):
			r.withdrawn = append(r.withdrawn, n)
		default:
			held = append(held, n)
		}
		c.known[n.name] = !c.All && slices.ContainsFunc(c.before.all, func(old *snapshot) bool { return old.name == n.name && old.sum == n.sum })
	}
	dropped := slices.DeleteFunc(slices.Clone(c.before.all), func(old *snapshot) bool {
		return slices.ContainsFunc(c.all, func(n *snapshot) bool { return n.name == old.name })
	})
	r.keepGraced(slices.Concat(r.snapshots, r.withdrawn, dropped), c.before, desired{now: c.Now, grace: c.Grace})
	r.live = append(r.live, held...)
	return r, nil
}

// verified is the origin, with each file as it was signed.
func (c *copying) verified() target.Source {
	return opener{c.From, func(ctx context.Context, name string) (io.ReadCloser, error) {
		return inMemory(c.get(ctx, name, c.origin.sum(name), pipeline.DigestOf))
	}}
}

// readMetadata reads the merged metadata; each file from where it is near.
func (c *copying) readMetadata(ctx context.Context) (*metadata, error) {
	folder := c.origin.read.folder()
	at := path.Join(metaDir, folder)
	data, err := c.get(ctx, path.Join(at, releases.IndexName), pipeline.Digest(folder), pipeline.DigestOf)
	if err != nil {
		return nil, err
	}
	index, err := releases.ParseIndex(data)
	if err != nil {
		return nil, untrusted("%w", err)
	}
	for _, file := range index.Files {
		if _, err := composer.ParseName(packageOf(file.Name)); err != nil {
			return nil, untrusted("%s of %s: %w", releases.IndexName, c.From, err)
		}
	}
	x := &indexed{Published{index, pipeline.Digest(folder)}, opener{c.From, func(ctx context.Context, name string) (io.ReadCloser, error) {
		file := strings.TrimSuffix(strings.TrimPrefix(name, at+"/"), ".json")
		want, places := index.File(file).SHA256, []string{}
		if c.before.metadata != nil {
			if old := c.before.metadata.Index.File(file); old != nil && old.SHA256 == want {
				places = []string{path.Join(metaDir, c.before.folder, file+".json")}
			}
		}
		return inMemory(c.get(ctx, name, want, pipeline.DigestOf, places...))
	}}}
	_, texts, err := x.files(ctx)
	if err != nil {
		return nil, err
	}
	m := &metadata{folder, index, map[string][]byte{releases.IndexName: data}}
	for name, text := range texts {
		m.files[name+".json"] = text
	}
	return m, nil
}

// get reads a file whose sum that is from the target, where it lies in its own or in another of these places, else from
// the origin. Without a sum it is the origin's, whatever that is.
func (c *copying) get(ctx context.Context, name string, want pipeline.Digest, sum func([]byte) pipeline.Digest, places ...string) ([]byte, error) {
	limit := int64(maxOther)
	if _, rest, ok := releases.CutSnapshotDir(name); ok && stages.IsMetadata(rest) || strings.HasPrefix(name, metaDir+"/") && path.Base(name) != releases.IndexName {
		limit = maxMetadata
	}
	return c.getUpTo(ctx, name, limit, want, sum, places...)
}

// Bounds of what an origin may send, in bytes: a file of Composer's metadata, and any other whose size nothing tells.
const (
	maxMetadata = 16 << 20
	maxOther    = 512 << 20
)

func (c *copying) getUpTo(ctx context.Context, name string, limit int64, want pipeline.Digest, sum func([]byte) pipeline.Digest, places ...string) (data []byte, err error) {
	if want != "" && c.lists(name) {
		places = append(places, name)
	}
	for _, place := range places {
		if data, err := target.ReadIfThere(ctx, c.target, place); err == nil && sum(data) == want {
			return data, nil
		}
	}
	if err := c.Target.Policy.Do(ctx, c.From.String(), func(ctx context.Context) error {
		data, err = target.ReadUpTo(ctx, c.From, name, limit)
		return err
	}); err != nil {
		return nil, err
	}
	if got := sum(data); want != "" && got != want {
		return nil, untrusted("%s of %s has SHA-256 %s, and has to have %s", name, c.From, got, want)
	}
	return data, nil
}

// far is a file of the origin with that SHA-256, which is asked for it only where the target has it not.
func (c *copying) far(name string, size int64, want pipeline.Digest) target.Content {
	return target.Content{Size: size, SHA256: string(want), Type: stages.ContentType(name), Cache: caching(name),
		Open: func(ctx context.Context) (io.ReadCloser, error) {
			return inMemory(c.get(ctx, name, want, pipeline.DigestOf))
		},
	}
}

func (c *copying) look(ctx context.Context, dirs ...string) error { return c.writer.look(ctx, dirs...) }

// addPages adds the pages of packages, which are not signed, as they are.
func (c *copying) addPages(ctx context.Context, r *repository) error {
	names := map[string]bool{}
	for _, f := range r.index.Files {
		names[packageOf(f.Name)] = true
	}
	files := append(page.Files(slices.Collect(maps.Keys(names))), page.FeedFile, page.BreakagesFile)
	texts := make([][]byte, len(files))
	err := pipeline.Each(len(files), writers, func(i int) (err error) {
		texts[i], err = target.ReadIfThere(ctx, c.From, files[i])
		return err
	})
	for i, name := range files {
		if texts[i] != nil {
			c.origin.pages[name] = texts[i]
		}
	}
	return err
}

// lists reports whether the target has a file, in a directory that was looked at.
func (c *copying) lists(name string) bool {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	e, there := c.writer.there[name]
	return there && !e.Dir
}

// write writes what is missing, in the order in which publishing does.
func (c *copying) write(ctx context.Context, want desired, r *repository) error {
	w := c.writer
	if err := w.lookAround(ctx, want, r); err != nil {
		return err
	}
	manifests, err := c.putDists(ctx, r)
	if err != nil {
		return err
	}
	for i, n := range c.all {
		if m := manifests[n.name]; m != nil {
			err = c.putSnapshot(ctx, n.name, m)
		} else {
			err = c.putSaid(ctx, n.name, i+1 < len(c.all) && manifests[c.all[i+1].name] != nil)
		}
		if err != nil {
			return err
		}
	}
	if err := w.putFolder(ctx, metaDir+"/"+r.metadata.name, r.files, releases.IndexName); err != nil {
		return err
	}
	if err := w.turn(ctx, c.before, r, c.origin.update); err != nil {
		return err
	}
	if c.All || c.before.folder != r.metadata.name {
		if err := c.addPages(ctx, r); err != nil {
			return err
		}
	}
	if err := w.putPages(ctx, c.origin.pages); err != nil {
		return err
	}
	return c.clear(ctx, w, c.before, want, r, c.origin.pages, c.origin.update)
}
