package publish

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
)

// An UntrustedError reports a repository that lacks a valid signature by the root, or whose files do not match.
type UntrustedError struct{ Err error }

func (e *UntrustedError) Error() string { return e.Err.Error() }
func (e *UntrustedError) Unwrap() error { return e.Err }

func untrusted(format string, args ...any) error { return &UntrustedError{fmt.Errorf(format, args...)} }

// An origin is one state of a repository that is copied: what changes with its next publish is read, and all else is
// named by it.
type origin struct {
	read     switchFile // packages.json
	packages []byte     // the same
	signed   *trust.Repository
	update   *trust.Update     // what signs it; nil: it is not signed
	pages    map[string][]byte // for people and monitors, at the root
}

// readOrigin reads the newest state. What is published just then is read again.
func (c *copying) readOrigin(ctx context.Context) (o *origin, err error) {
	err = c.Target.Policy.Do(ctx, c.From.String(), func(ctx context.Context) error {
		o = &origin{pages: map[string][]byte{}}
		if err := c.readTrust(ctx, o); err != nil {
			return err
		}
		return c.readRoot(ctx, o)
	})
	return o, err
}

// readRoot reads what leads to all else, and compares it with what is signed.
func (c *copying) readRoot(ctx context.Context, o *origin) (err error) {
	if o.packages, err = target.Read(ctx, c.From, stages.PackagesFile); err != nil {
		return err
	}
	if o.read, err = parseSwitch(o.packages); err != nil {
		return untrusted("%w", err)
	}
	base, err := stages.BaseURL(o.read.Nightly.URL)
	if err != nil || base != o.read.Nightly.URL || o.read.Nightly.Format != switchFormat || len(o.read.Nightly.Snapshots) == 0 {
		return untrusted("%s of %s is of no repository of this program, or of a newer version of it", stages.PackagesFile, c.From)
	}
	for _, name := range []string{pageFile, badgeFile} {
		data, err := target.ReadIfThere(ctx, c.From, name)
		if err != nil {
			return err
		}
		if data != nil {
			o.pages[name] = data
		}
	}
	if err := o.check(c.From); err != nil {
		return err
	}
	return o.addStatus(ctx, c.From)
}

// cleared says of an error that is not one of the network that the repository is not what it says.
func cleared(err error) error {
	var busy *remote.StatusError
	if err == nil || remote.IsNetwork(err) || errors.As(err, &busy) || errors.Is(err, context.Canceled) {
		return err
	}
	return &UntrustedError{err}
}

// readTrust reads what is signed, as a client of The Update Framework does.
func (c *copying) readTrust(ctx context.Context, o *origin) error {
	if c.Client.Root == nil {
		for _, s := range []target.Source{c.From, c.target} {
			data, err := target.ReadIfThere(ctx, s, trust.TimestampFile)
			if err != nil {
				return err
			}
			if data != nil {
				return untrusted("%s is signed; give the root that is trusted with --root", s)
			}
		}
		return nil
	}
	name, err := trust.RootFile(c.Client.Root)
	if err != nil {
		return untrusted("%w", err)
	}
	if err := c.look(ctx, trust.Dir); err != nil {
		return err
	}
	err = c.openTrust(ctx, o, name, opener{c.From, func(ctx context.Context, file string) (io.ReadCloser, error) {
		if file != trust.TimestampFile && c.lists(file) {
			return c.target.Open(ctx, file)
		}
		return c.From.Open(ctx, file)
	}})
	if err != nil { // also for what is damaged at the target
		err = c.openTrust(ctx, o, name, c.From)
	}
	if err != nil {
		return cleared(err)
	}
	there, err := target.ReadIfThere(ctx, c.target, trust.TimestampFile)
	if err != nil {
		return err
	}
	has, snapshot := trust.VersionsOf(there)
	o.update.Before = snapshot
	if newest, _ := o.signed.Versions(); newest < has {
		return untrusted("%s has version %d of its timestamp, and %s has %d already: somebody has put back an earlier state", c.From, newest, c.target, has)
	}
	return nil
}

// openTrust reads all metadata from a source. Call it before anything else reads that source.
func (c *copying) openTrust(ctx context.Context, o *origin, root string, from target.Source) (err error) {
	files := map[string][]byte{root: c.Client.Root}
	read, how := recorder(from, files), c.Client
	if how.Memory != "" {
		if _, err := trust.Open(ctx, read, how); err != nil {
			return err
		}
	}
	how.Memory = "" // then nothing is left out because it is there
	if o.signed, err = trust.Open(ctx, read, how); err != nil {
		return err
	}
	o.update = &trust.Update{Files: files, Timestamp: files[trust.TimestampFile]}
	delete(files, trust.TimestampFile)
	return nil
}

// check compares what was read with what is signed. Where it differs, it may be published to right now.
func (o *origin) check(from target.Source) error {
	if o.signed == nil {
		return nil
	}
	if place, err := o.signed.Place(); err != nil || place.URL != o.read.Nightly.URL {
		return untrusted("%s is signed for %q, and names %s as its URL", from, place.URL, o.read.Nightly.URL)
	}
	for name, data := range map[string][]byte{stages.PackagesFile: o.packages, pageFile: o.pages[pageFile]} {
		if f := o.signed.Target(name); f == nil || trust.Sum(f) != pipeline.DigestOf(data) {
			return remote.Again(untrusted("%s of %s is not what was signed", name, from), 0)
		}
	}
	return nil
}

// addStatus adds the status, which tells of the state that is copied: nobody signs it, and it may be one that is newer.
func (o *origin) addStatus(ctx context.Context, from target.Source) error {
	s, err := readStatus(ctx, from)
	if err != nil {
		return err
	}
	key := o.read.Nightly
	s.Format, s.URL, s.Metadata = statusFormat, key.URL, o.read.folder()
	s.Snapshot, s.Snapshots, s.Withdrawn, s.Packages = key.Snapshots[0], key.Snapshots, key.Withdrawn, len(o.read.Available)
	o.pages[statusFile], err = encode(s)
	return err
}

// sum is the SHA-256 that is signed of a file; empty: it is not signed.
func (o *origin) sum(name string) pipeline.Digest {
	if o.signed == nil {
		return ""
	}
	if f := o.signed.Target(name); f != nil {
		return trust.Sum(f)
	}
	return ""
}

// snapshots are all that the origin has, newest first: those that it resolves, those that it has withdrawn, and, as far
// as signatures tell of them, those that it holds for a while.
func (o *origin) snapshots(ctx context.Context, s target.Source, index *indexed) ([]*snapshot, error) {
	listed := slices.Concat(o.read.Nightly.Snapshots, o.read.Nightly.Withdrawn)
	if o.signed != nil {
		for _, role := range o.signed.Roles() {
			for name := range o.signed.Targets(role) {
				if n, rest, ok := releases.CutSnapshotDir(name); ok && rest == releases.ManifestName {
					listed = append(listed, n)
				}
			}
		}
	}
	slices.SortFunc(listed, releases.NewestFirst)
	listed = slices.Compact(listed)
	known := index.snapshots()
	all := make([]*snapshot, len(listed))
	return all, pipeline.Each(len(listed), writers, func(i int) (err error) {
		if all[i] = known[listed[i]]; all[i] == nil {
			if all[i], err = fromTarget(ctx, s, listed[i]); err != nil {
				return err
			}
		}
		if sum := o.sum(snapshotFile(listed[i], releases.ManifestName)); o.signed != nil && sum != all[i].sum {
			return untrusted("%s of %s has SHA-256 %s, and %s was signed", releases.ManifestName, listed[i].Title(), all[i].sum, cmp.Or(sum, "nothing"))
		}
		return nil
	})
}

// An opener reads files in another way than the source that it stands for.
type opener struct {
	target.Source
	open func(ctx context.Context, name string) (io.ReadCloser, error)
}

// Open implements target.Source.
func (o opener) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	return o.open(ctx, name)
}

// inMemory is a file that was read.
func inMemory(data []byte, err error) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(data)), err
}

// recorder keeps in files what is read of a source, and reads nothing twice. It is for one goroutine.
func recorder(from target.Source, files map[string][]byte) target.Source {
	return opener{from, func(ctx context.Context, name string) (io.ReadCloser, error) {
		if data, ok := files[name]; ok {
			return inMemory(data, nil)
		}
		file, err := from.Open(ctx, name)
		if err != nil {
			return nil, err
		}
		var read bytes.Buffer
		return recording{io.TeeReader(file, &read), func() error {
			files[name] = read.Bytes()
			return file.Close()
		}}, nil
	}}
}

// A recording is a file that is kept when it is closed.
type recording struct {
	io.Reader
	end func() error
}

// Close implements io.Closer.
func (r recording) Close() error { return r.end() }
