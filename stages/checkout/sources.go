package checkout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
)

// byURL groups the numbers of pins that are of the same repository: a mirror has
// one for each tag. Groups and numbers are in the order of the pins.
func byURL(pins []stages.Pin) [][]int {
	var groups [][]int
	at := map[string]int{}
	for i, pin := range pins {
		if _, known := at[pin.URL]; !known {
			at[pin.URL] = len(groups)
			groups = append(groups, nil)
		}
		groups[at[pin.URL]] = append(groups[at[pin.URL]], i)
	}
	return groups
}

// sources gives the trees of the pins of one repository: the saved ones of their
// commits, or read in its folder or in our cache of its objects. All commits that
// are missing there are fetched at once, and a file that several commits have is
// read once.
func (c *checkout) sources(ctx context.Context, pins []stages.Pin, numbers []int, done func(int, stages.Source, error)) {
	var open []int
	for _, i := range numbers {
		err := context.Cause(ctx)
		if err == nil {
			err = checkPin(pins[i])
		}
		if err != nil {
			done(i, stages.Source{}, err)
		} else if s, ok := c.saved(ctx, pins[i]); ok {
			done(i, s, nil)
		} else {
			open = append(open, i)
		}
	}
	if len(open) == 0 {
		return
	}
	wanted := make([]stages.Pin, len(open))
	for n, i := range open {
		wanted[n] = pins[i]
	}
	found, errs := c.unsaved(ctx, wanted)
	for n, i := range open {
		done(i, found[n], errs[n])
	}
}

// unsaved makes the trees of pins of one repository that are not saved yet.
func (c *checkout) unsaved(ctx context.Context, pins []stages.Pin) ([]stages.Source, []error) {
	found, errs := make([]stages.Source, len(pins)), make([]error, len(pins))
	all := func(err error) ([]stages.Source, []error) {
		for i := range errs {
			errs[i] = err
		}
		return found, errs
	}
	dir, local, err := c.Git.Folder(pins[0].URL)
	switch {
	case err != nil:
		return all(sourceError(pins[0], err))
	case local:
		o, err := openObjects(dir, c.readers)
		if err != nil {
			return all(sourceError(pins[0], err))
		}
		c.inPlace(ctx, pins, dir, o, found, errs)
		if err := o.close(); err != nil {
			return all(sourceError(pins[0], err))
		}
	default:
		if err := c.remote(ctx, pins, found, errs); err != nil {
			return all(err)
		}
	}
	return found, errs
}

// inPlace reads a repository on this machine where it lies: no git program is
// needed for it.
func (c *checkout) inPlace(ctx context.Context, pins []stages.Pin, dir string, o *objects, found []stages.Source, errs []error) {
	r := c.reader(ctx, o, pins[0].URL)
	for i, pin := range pins {
		if errs[i] = there(o, pin, dir); errs[i] != nil {
			continue
		}
		found[i], errs[i] = r.read(ctx, pin)
		var broken *damagedError
		if errors.As(errs[i], &broken) {
			errs[i] = fmt.Errorf("%w; repair the folder %s (git fsck shows what is missing, git fetch --refetch fetches it)", errs[i], dir)
		}
		errs[i] = sourceError(pin, errs[i])
	}
	r.remember(ctx)
}

// there reports commits of a pin that a folder does not have.
func there(o *objects, pin stages.Pin, dir string) error {
	for _, w := range wants(pin) {
		if !o.has(w.id) {
			return sourceError(pin, fmt.Errorf("commit %s (%s) is not in the folder %s; fetch it there, or make the plan anew", w.id, w.ref, dir))
		}
	}
	return nil
}

// remote fetches what our cache of the repository's objects misses, and reads it
// there. A damaged cache is removed and fetched anew, once.
func (c *checkout) remote(ctx context.Context, pins []stages.Pin, found []stages.Source, errs []error) (err error) {
	dir := filepath.Join(c.Dir, folderName(pins[0].URL))
	unlock, err := c.lock(ctx, pins[0], dir+lockSuffix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	err = c.fetchAndRead(ctx, pins, dir, found, errs)
	var broken *damagedError
	if cause := errors.Join(append(errs, err)...); !errors.As(cause, &broken) || ctx.Err() != nil {
		return err
	}
	c.Log.Warn("the git objects of a repository are damaged: removing them and fetching anew",
		slog.String("repository", pins[0].Name), slog.String("folder", dir), slog.Any("error", broken))
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the damaged git objects of %s: %w", pins[0].Name, err)
	}
	return c.fetchAndRead(ctx, pins, dir, found, errs)
}

func (c *checkout) fetchAndRead(ctx context.Context, pins []stages.Pin, dir string, found []stages.Source, errs []error) error {
	err := c.fetchMissing(ctx, pins, dir)
	var broken *damagedError
	if err != nil && len(pins) > 1 && ctx.Err() == nil && !errors.As(err, &broken) {
		// One commit that is gone must not hide the others.
		for i := range pins {
			if err := c.fetchAndRead(ctx, pins[i:i+1], dir, found[i:i+1], errs[i:i+1]); err != nil {
				errs[i] = err
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	o, err := openCache(dir, c.readers)
	if err != nil {
		return err
	}
	r := c.reader(ctx, o, pins[0].URL)
	for i, pin := range pins {
		found[i], errs[i] = r.read(ctx, pin)
		errs[i] = sourceError(pin, errs[i])
	}
	r.remember(ctx)
	return o.close()
}

// fetchMissing brings the pins' commits into our cache of the repository's objects.
func (c *checkout) fetchMissing(ctx context.Context, pins []stages.Pin, dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
		if _, err := gogit.PlainInit(dir, true); err != nil {
			return fmt.Errorf("make the folder of the git objects: %w", err)
		}
	}
	o, err := openCache(dir, c.readers)
	if err != nil {
		return err
	}
	missing, err := o.missing(pins)
	if err == nil && len(missing) > 0 {
		err = c.fetch(ctx, pins[0], o, missing)
	}
	return errors.Join(err, o.close())
}

// A reader makes the trees of one repository's commits.
type reader struct {
	*checkout
	objects *objects
	address string
	folder  string                    // of our cache
	known   map[plumbing.Hash]stored  // blobs that the store has
	trees   map[plumbing.Hash][]entry // git's trees of the last commit
	tree    pipeline.Tree             // the last tree of all files
	files   []entry                   // in it; nil: none was made
}

func (c *checkout) reader(ctx context.Context, o *objects, address string) *reader {
	folder := folderName(address)
	return &reader{checkout: c, objects: o, address: address, folder: folder, known: c.listing(ctx, folder).blobs}
}

// remember keeps what was read of the last commit, for the next night.
func (r *reader) remember(ctx context.Context) {
	if r.files != nil {
		r.rememberBlobs(ctx, r.folder, r.tree, r.files, r.known)
	}
}

// read makes both trees of a pin.
func (r *reader) read(ctx context.Context, pin stages.Pin) (s stages.Source, err error) {
	if ctx.Err() != nil {
		return s, context.Cause(ctx)
	}
	s.Name, s.Tag = pin.Name, pin.Tag
	if s.Head = pin.Tree; pin.Tree.Digest == "" {
		if r.tree, r.files, s.Submodules, err = r.head(ctx, plumbing.NewHash(pin.Commit)); err != nil {
			return stages.Source{}, fmt.Errorf("commit %s: %w", pin.Commit, err)
		}
		s.Head = r.tree
	}
	switch {
	case pin.TagCommit == "":
		s.Tagged, err = r.save(ctx, nil)
	case pin.TagCommit == pin.Commit && r.files != nil:
		s.Tagged, err = r.manifests(ctx, r.objects, r.known, plumbing.NewHash(pin.TagCommit), r.files)
	default:
		s.Tagged, err = r.tagged(ctx, r.objects, plumbing.NewHash(pin.TagCommit))
	}
	if err != nil {
		return stages.Source{}, fmt.Errorf("commit %s of tag %s: %w", pin.TagCommit, pin.Tag, err)
	}
	return s, nil
}
