package publish

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// unmixed refuses a repository that would hold previews beside other snapshots: nobody shall
// get the one for the other.
func unmixed(all []*snapshot) error {
	isPreview := func(n *snapshot) bool { return n.name.Kind() == releases.Preview }
	if slices.ContainsFunc(all, isPreview) && !slices.ContainsFunc(all, func(n *snapshot) bool { return !isPreview(n) }) {
		return nil
	}
	if i := slices.IndexFunc(all, isPreview); i >= 0 {
		return fmt.Errorf("%s does not belong into a repository with other snapshots; publish it to a folder of its own", all[i].name.Title())
	}
	return nil
}

// RemovePreview takes a repository away that holds previews and nothing else; another place is
// a *config.Error. With ended one whose last day is not over stays. What is removed is named,
// by its target, or not where nothing is; with dry nothing is. The file of its lock stays.
func (o Options) RemovePreview(ctx context.Context, to string, ended, dry bool) (removed string, err error) {
	o = o.withDefaults()
	err = target.With(ctx, to, o.Target, func(t target.Target) error {
		if err := o.removable(ctx, t, ended); err != nil { // so that no lock is left elsewhere
			return err
		}
		removed = t.String()
		if dry {
			return nil
		}
		return o.locked(ctx, t, false, func(ctx context.Context) error {
			if err := o.removable(ctx, t, ended); err != nil { // it may be another by now
				return err
			}
			return removeAll(ctx, t)
		})
	})
	if errors.Is(err, errNothing) {
		return "", nil
	}
	if err != nil {
		removed = ""
	}
	return removed, err
}

var (
	errNothing  = errors.New("nothing is there")
	errNotEnded = errors.New("it has not ended yet")
)

// removable says why a place is not one of previews that may be removed.
func (o Options) removable(ctx context.Context, t target.Target, ended bool) error {
	root, err := t.List(ctx, ".")
	if err != nil {
		return fmt.Errorf("look at %s: %w", t, err)
	}
	if !slices.ContainsFunc(root, func(e target.Entry) bool { return !target.IsLock(e.Name) }) {
		return errNothing
	}
	s, err := readSwitch(ctx, t)
	if errors.Is(err, errMissing) || err == nil && s.Nightly.Format == 0 {
		return config.Errorf("%s is no repository that was published by this program; nothing is removed", t)
	}
	if err != nil {
		return err
	}
	for _, e := range root {
		if !slices.Contains(ours(), e.Name) && e.Name != supersededFile && !target.IsLock(e.Name) {
			return config.Errorf("%s has %s, which is of no preview; nothing is removed", t, e.Name)
		}
	}
	names, err := Snapshots(ctx, t)
	if err != nil {
		return err
	}
	for _, name := range slices.Concat(names, s.Nightly.Snapshots) {
		if name.Kind() != releases.Preview {
			return config.Errorf("%s has %s, which is no preview; nothing is removed", t, name.Title())
		}
	}
	if !ended {
		return nil
	}
	for _, name := range s.Nightly.Snapshots {
		m, _, err := Read(t).Manifest(ctx, name)
		if err != nil {
			return err
		}
		if m.Plan.Preview == nil || !m.Plan.Preview.Ended(o.Now) {
			return fmt.Errorf("%s: %w", t, errNotEnded)
		}
	}
	return nil
}

// removeAll removes all files of a target but its locks. The switch comes first: no client is led to
// what is going.
func removeAll(ctx context.Context, t target.Target) error {
	files, err := target.Files(ctx, t, ".")
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(name string) bool {
		top, _, _ := strings.Cut(name, "/")
		return target.IsLock(top)
	})
	return errors.Join(t.Remove(ctx, []string{stages.PackagesFile}), t.Remove(ctx, files), t.Flush(ctx))
}

// maxPreviewDepth is the largest number of folders above a preview: OWNER/REPOSITORY/pr/123.
const maxPreviewDepth = 6

// RemoveEnded takes away the previews below a place whose last day is over, and names them. What
// is no preview stays, and is not looked into.
func (o Options) RemoveEnded(ctx context.Context, below string, dry bool) (removed []string, err error) {
	o = o.withDefaults()
	var found []string
	err = target.With(ctx, below, o.Target, func(t target.Target) error {
		return findRepositories(ctx, t, ".", 0, &found)
	})
	slices.Sort(found)
	for _, dir := range found {
		at, errOne := target.Join(below, dir)
		if errOne == nil {
			var name string
			if name, errOne = o.RemovePreview(ctx, at, true, dry); name != "" {
				removed = append(removed, name)
			}
		}
		var other *config.Error // a repository of something else
		if !errors.Is(errOne, errNotEnded) && !errors.As(errOne, &other) {
			err = errors.Join(err, errOne)
		}
	}
	return removed, err
}

// findRepositories lists the folders below one that have a switch.
func findRepositories(ctx context.Context, t target.Target, dir string, depth int, found *[]string) error {
	entries, err := t.List(ctx, dir)
	if err != nil || depth > maxPreviewDepth {
		return err
	}
	if slices.ContainsFunc(entries, func(e target.Entry) bool { return path.Base(e.Name) == stages.PackagesFile && !e.Dir }) {
		*found = append(*found, dir)
		return nil
	}
	for _, e := range entries {
		if e.Dir && !target.IsLock(e.Name) {
			if err := findRepositories(ctx, t, e.Name, depth+1, found); err != nil {
				return err
			}
		}
	}
	return nil
}

// DefaultPreviewDays is for how many days a preview stays.
const DefaultPreviewDays = 7

// PreviewUntil is the last day of a preview that stays so many days from now.
func PreviewUntil(now time.Time, days int) string {
	return now.UTC().AddDate(0, 0, days).Format(time.DateOnly)
}
