package publish

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
)

// attestSnapshot adds attestations to a published snapshot.
func (o Options) attestSnapshot(ctx context.Context, n *snapshot, base string) error {
	if o.Attest == nil {
		return nil
	}
	m, err := n.manifest(ctx)
	if err != nil {
		return err
	}
	files, err := o.Attest.Snapshot(attest.Subject{Manifest: m, Files: n.files, URL: base})
	if err != nil {
		return err
	}
	for name, data := range files {
		if _, taken := n.files[name]; taken {
			return fmt.Errorf("%s has a file %s of its own", n.name.Title(), name)
		}
		n.files[name] = data
	}
	return nil
}

// Signed is the signed state that belongs to packages.json. Publishing continues from it, even if the target has other files.
type Signed struct {
	nightlyKey
	Metadata  string    `json:"metadata"`  // folder that packages.json names
	Published time.Time `json:"published"` // when
}

// ReadSigned reads it of a repository.
func ReadSigned(r *trust.Repository) (s Signed, err error) {
	if err = trust.Custom(r.Target(stages.PackagesFile), &s); err != nil {
		err = fmt.Errorf("%s of the signed metadata: %w", stages.PackagesFile, err)
	}
	return s, err
}

// A signature is what is signed of a target; the zero is nothing.
type signature struct {
	*trust.Repository
	Signed
	versions map[string]int64 // the highest that lie there
}

// readSignature reads what is signed of a target, and heals what a killed run has left. It refuses, before anything is
// written, a target that this run could not sign: its signatures would be wrong from then on.
func (o Options) readSignature(ctx context.Context, t target.Target, dry bool) (s signature, err error) {
	data, err := target.ReadIfThere(ctx, t, trust.TimestampFile)
	if err != nil || data == nil && o.Trust == nil {
		return s, err
	}
	if o.Trust == nil {
		return s, fmt.Errorf("repository %s is signed, and without its keys the signatures would be wrong; give --trust and --sign-key, or remove %s if nobody shall rely on signatures any more", t, trust.Dir)
	}
	names, err := target.Files(ctx, t, trust.Dir)
	if err != nil {
		return s, err
	}
	s.versions = trust.Versions(names)
	if o.SignAnew {
		return s, nil
	}
	if data != nil {
		if s.Repository, err = o.Trust.Open(ctx, t); err != nil {
			return s, fmt.Errorf("what is signed of %s: %w", t, err)
		}
	}
	file, err := readSwitch(ctx, t)
	if err != nil && !errors.Is(err, errMissing) || file.sum != "" && !signs(s.Repository, file.sum) {
		err = o.heal(ctx, t, &s, file.sum, names, dry)
	}
	switch {
	case s.Repository != nil && (err == nil || errors.Is(err, errMissing)):
	case file.Nightly.Format != 0:
		return s, fmt.Errorf("repository %s is not signed; see that what is there is as it should be (mageos-nightly verify), then sign it with --sign-anew", t)
	case errors.Is(err, errMissing):
		return s, nil
	default:
		return s, err
	}
	s.Signed, err = ReadSigned(s.Repository)
	return s, err
}

// heal ends what a run began that was killed after packages.json, which has that sum, and before the timestamp.
func (o Options) heal(ctx context.Context, t target.Target, s *signature, sum pipeline.Digest, names []string, dry bool) error {
	if dry {
		return nil
	}
	timestamp, healed := o.Trust.Heal(ctx, t, s.Repository, names, o.Now)
	if !signs(healed, sum) {
		o.Log.Warn(stages.PackagesFile + " is not what was signed: it is made anew of what was")
		return nil
	}
	o.Log.Warn("a run that was killed is ended: what it published is signed")
	s.Repository = healed
	return o.writeTimestamp(ctx, t, timestamp)
}

// signs reports whether a packages.json with that sum is signed.
func signs(r *trust.Repository, sum pipeline.Digest) bool {
	if r == nil {
		return false
	}
	f := r.Target(stages.PackagesFile)
	return f != nil && trust.Sum(f) == sum
}

func (o Options) writeTimestamp(ctx context.Context, t target.Target, data []byte) error {
	if err := t.Write(ctx, trust.TimestampFile, content(trust.TimestampFile, data)); err != nil {
		return err
	}
	return t.Flush(ctx)
}

// Renew signs anew for how long the repository at a target counts, and heals it. It publishes nothing, and wants the
// key of the timestamp alone.
func (o Options) Renew(ctx context.Context, to string) error {
	o = o.withDefaults()
	return target.With(ctx, to, o.Target, func(t target.Target) error {
		return o.locked(ctx, t, false, func(ctx context.Context) error {
			s, err := o.readSignature(ctx, t, false)
			if err != nil {
				return err
			}
			if s.Repository == nil {
				return fmt.Errorf("%s is not signed", t)
			}
			update, err := o.Trust.Renew(s.Repository, o.Now)
			if err != nil {
				return err
			}
			w := o.writer(t, false)
			if err := w.putAll(ctx, contents(update.Files)); err != nil {
				return err
			}
			return o.writeTimestamp(ctx, t, update.Timestamp)
		})
	})
}

func contents(files map[string][]byte) map[string]target.Content {
	all := make(map[string]target.Content, len(files))
	for name, data := range files {
		all[name] = content(name, data)
	}
	return all
}

// maySign reports, before anything is written, that a key is missing.
func (o Options) maySign(add *snapshot) error {
	if o.Trust == nil {
		return nil
	}
	roles := []string{trust.RepositoryRole, trust.OnlineRole}
	if add != nil {
		roles = append(roles, kindRole(add.name))
	}
	return o.Trust.MaySign(roles...)
}

// kindRole is the role that signs a snapshot.
func kindRole(name releases.SnapshotName) string {
	kind, _, _ := strings.Cut(name.Dir(), "/")
	return kind
}

// A verified target gives files only as they were signed.
type verified struct {
	target.Target
	signed *trust.Repository
}

// Open implements target.Source.
func (v verified) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if strings.HasPrefix(name, metaDir+"/") { // which are compared with their index, that with its folder
		return v.Target.Open(ctx, name)
	}
	f, err := v.signed.Look(name)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return v.Target.Open(ctx, name)
	}
	data, err := target.Read(ctx, v.Target, name)
	if err != nil {
		return nil, err
	}
	if sum := pipeline.DigestOf(data); sum != trust.Sum(f) {
		return nil, fmt.Errorf("%s has SHA-256 %s, and %s was signed; nothing was signed or published", name, sum, trust.Sum(f))
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// source is what is read of a target: where it is signed, only what was.
func (s signature) source(t target.Target) target.Target {
	if s.Repository == nil {
		return t
	}
	return verified{t, s.Repository}
}

// sign signs the files that the target will have; nil for an unsigned repository.
func (o Options) sign(ctx context.Context, t target.Target, before observed, want desired, r *repository, page []byte) (*trust.Update, error) {
	if o.Trust == nil {
		return nil, nil
	}
	if place := o.Trust.Place(); place.URL != r.base {
		return nil, fmt.Errorf("--trust is for %s, not for %s", place.URL, r.base)
	}
	said, err := json.Marshal(Signed{r.key(), r.metadata.name, cmp.Or(want.published, o.Now.UTC().Truncate(time.Second))})
	if err != nil {
		return nil, err
	}
	root := trust.Bytes(r.packages)
	root.Custom = (*json.RawMessage)(&said)
	meta := trust.Folder{Dir: path.Join(metaDir, r.metadata.name), Targets: func(trust.Targets) (trust.Targets, error) {
		targets := trust.Targets{}
		for name, data := range r.files {
			targets[path.Join(metaDir, r.metadata.name, name)] = trust.Bytes(data)
		}
		return targets, nil
	}}
	roles := map[string]trust.Want{trust.RepositoryRole: {
		Targets: trust.Targets{stages.PackagesFile: root, pageFile: trust.Bytes(page)}, Folders: []trust.Folder{meta},
	}}
	for _, n := range r.live {
		role := roles[kindRole(n.name)]
		role.Folders = append(role.Folders, trust.Folder{Dir: n.name.Dir(), Anew: n == want.add || want.rebuilt[snapshotFile(n.name, attest.RebuiltFile)] != nil, Targets: func(old trust.Targets) (trust.Targets, error) {
			targets, err := o.snapshotTargets(ctx, t, n, want, old, before.signature.Repository != nil)
			if err != nil {
				err = fmt.Errorf("%s of %s: %w; nothing was signed or published", n.name.Dir(), t, err)
			}
			return targets, err
		}})
		roles[kindRole(n.name)] = role
	}
	return o.Trust.Next(before.signature.Repository, roles, before.signature.versions, o.Now)
}

// signedFiles are those of a snapshot's folder that are signed. The manifest has the sums of all others that Composer
// reads.
func signedFiles() []string {
	return append(attest.SnapshotFiles(), attest.RebuiltFile, releases.ManifestName, versionsFile)
}

// snapshotTargets are the targets of a snapshot: those of the one that is added, by its bytes; of another, as they were
// signed, or of a repository that is signed anew, as they lie there.
func (o Options) snapshotTargets(ctx context.Context, t target.Target, n *snapshot, want desired, old trust.Targets, signed bool) (trust.Targets, error) {
	targets, added := trust.Targets{}, n == want.add
	carried := signed && !added
	for _, file := range signedFiles() {
		at := snapshotFile(n.name, file)
		data := n.files[file]
		switch {
		case want.rebuilt[at] != nil:
			data = want.rebuilt[at]
		case (carried || file == attest.RebuiltFile) && old[at] != nil: // a rebuilt file comes with no publish
			targets[at] = old[at]
			continue
		case carried && (file == releases.ManifestName || file == versionsFile):
			return nil, fmt.Errorf("%s is not signed: somebody else has put it there", file)
		case carried:
			continue
		case !added:
			var err error
			if data, err = target.ReadIfThere(ctx, t, at); err != nil {
				return nil, err
			}
		}
		if data != nil {
			targets[at] = trust.Bytes(data)
		}
	}
	return targets, o.distTargets(ctx, n, targets, carried, old)
}

func (o Options) distTargets(ctx context.Context, n *snapshot, targets trust.Targets, carried bool, old trust.Targets) error {
	if !carried {
		m, err := n.manifest(ctx)
		if err != nil {
			return err
		}
		for _, p := range m.Packages {
			if p.Dist == nil {
				continue
			}
			name, err := trust.DistTarget(p.Name, p.Version)
			if err != nil {
				return err
			}
			targets[name] = trust.File(p.Dist.Size, p.Dist.SHA256)
		}
		return nil
	}
	for _, dist := range n.sums {
		if dist.path == "" {
			continue
		}
		name, err := trust.DistTarget(dist.pkg, dist.version)
		if err != nil {
			return err
		}
		f := old[name]
		if f == nil || trust.Sum(f) != dist.sum {
			return fmt.Errorf("%s is not signed with SHA-256 %s", dist.path, dist.sum)
		}
		targets[name] = f
	}
	return nil
}

// trustUnused are the files of signed metadata that no client reads any more after an update.
func (o Options) trustUnused(ctx context.Context, w *writer, update *trust.Update) ([]string, error) {
	if err := w.look(ctx, trust.Dir); err != nil {
		return nil, err
	}
	return trust.Unused(ctx, w.target, w.below(trust.Dir, nil), update.Before, o.Now.Add(-o.Grace))
}
