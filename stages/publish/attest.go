package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish/target"
)

// attestSnapshot adds to a night that is published what is said of it.
func (o Options) attestSnapshot(ctx context.Context, n *snapshot, base string) error {
	if o.Attest == nil {
		return nil
	}
	m, err := n.manifest(ctx)
	if err != nil {
		return err
	}
	files, err := o.Attest.Snapshot(ctx, attest.Subject{Manifest: m, Files: n.files, URL: base})
	if err != nil {
		return err
	}
	for name, data := range files {
		if _, taken := n.files[name]; taken {
			return fmt.Errorf("night %s has a file %s of its own", n.name, name)
		}
		n.files[name] = data
	}
	return nil
}

// putSeal signs which nights the repository has now. A repository that is signed is
// not published to without a key: its signature would be wrong from then on.
func (o Options) putSeal(ctx context.Context, w *writer, before []byte, r *repository, root map[string][]byte) error {
	if !o.signs() {
		return nil
	}
	seal := attest.Repository{URL: r.base, Published: o.Now.UTC(), Snapshots: signedSnapshots(r.snapshots), Withdrawn: signedSnapshots(r.withdrawn)}
	data, err := o.Attest.Seal(ctx, seal, root, before)
	if err != nil {
		return err
	}
	if err := w.put(ctx, attest.RepositoryFile, content(attest.RepositoryFile, data, "")); err != nil {
		return err
	}
	return w.flush(ctx)
}

func (o Options) signs() bool { return o.Attest != nil && o.Attest.Key != nil }

// A seal is the signature that a target has.
type seal struct {
	data     []byte          // nil: none
	packages pipeline.Digest // of the packages.json that was signed
}

// readSeal reads the signature that a target has. It refuses, before anything is
// written, a target that this run could not sign.
func (o Options) readSeal(ctx context.Context, s target.Source) (seal, error) {
	data, err := target.Read(ctx, s, attest.RepositoryFile)
	switch {
	case errors.Is(err, errMissing):
		return seal{}, nil
	case err != nil:
		return seal{}, err
	case !o.signs():
		return seal{}, fmt.Errorf("repository %s is signed, and without its key the signature would be wrong; give --sign-key, or remove %s if nobody shall rely on signatures any more", s, attest.RepositoryFile)
	}
	said, _, err := attest.VerifyRepository(ctx, data, o.Attest.Trusted())
	if err != nil {
		return seal{}, fmt.Errorf("%s of %s %w: give that key with --former-key if it was yours, else see who published; remove the file to begin anew", attest.RepositoryFile, s, err)
	}
	return seal{data, said.Subjects[stages.PackagesFile]}, nil
}

// checkSigned compares the nights that a signed target has with what was signed when
// they were published: a key does not sign what somebody else has put there. Those
// that are merged already were compared then.
func (o Options) checkSigned(ctx context.Context, s target.Source, before state, r *repository, add *snapshot) error {
	if !o.signs() {
		return nil
	}
	compared := func(*snapshot) bool { return false }
	if before.metadata != nil && !r.anew {
		compared = func(n *snapshot) bool { return slices.ContainsFunc(before.metadata.Index.Snapshots, n.is) }
	}
	var errs []error
	for _, n := range r.live {
		if n == add || compared(n) {
			continue
		}
		data, err := target.Read(ctx, s, snapshotFile(n.name, attest.SignedProvenanceFile))
		if errors.Is(err, errMissing) {
			continue // from before there was a key: verifying says so
		}
		var said *attest.Statement
		if err == nil {
			said, err = attest.Verify(ctx, data, o.Attest.Trusted())
		}
		if err == nil && said.Subjects[releases.ManifestName] != n.sum {
			err = fmt.Errorf("is of a %s with SHA-256 %s, not %s", releases.ManifestName, said.Subjects[releases.ManifestName], n.sum)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s of %s: %w; nothing was signed or published", snapshotFile(n.name, attest.SignedProvenanceFile), s, err))
			continue
		}
		errs = append(errs, checkVersions(ctx, n, r.base))
	}
	return errors.Join(errs...)
}

// checkVersions compares the metadata that a target has of a night with the night's
// manifest, dist by dist: it goes into what is merged and signed next.
func checkVersions(ctx context.Context, n *snapshot, base string) error {
	all, err := n.versions(ctx)
	if err != nil {
		return err
	}
	m, err := n.manifest(ctx)
	if err != nil {
		return err
	}
	byName := map[string]releases.ManifestPackage{}
	for _, p := range m.Packages {
		byName[p.Name+" "+p.Version] = p
	}
	var errs []error
	for file, entries := range all {
		for version, entry := range entries {
			if err := checkEntry(entry, version, base, byName); err != nil {
				errs = append(errs, fmt.Errorf("%s, %s %s: %w; nothing was signed or published", snapshotFile(n.name, versionsFile), file, version, err))
			}
		}
	}
	return errors.Join(errs...)
}

// signedSnapshots names nights by their manifests.
func signedSnapshots(snapshots []*snapshot) []attest.SignedSnapshot {
	all := make([]attest.SignedSnapshot, len(snapshots))
	for i, n := range snapshots {
		all[i] = attest.SignedSnapshot{Snapshot: n.name, SHA256: n.sum}
	}
	return all
}

// addAttested adds to a site what is said of a night, as it was signed.
func addAttested(ctx context.Context, files map[string][]byte, from target.Source, name string) error {
	for _, file := range attest.SnapshotFiles() {
		data, err := target.Read(ctx, from, snapshotFile(name, file))
		if errors.Is(err, errMissing) {
			continue
		}
		if err != nil {
			return err
		}
		files[snapshotFile(name, file)] = data
	}
	return nil
}

// sealedRoot are the files at the root that the signature names.
func (r *repository) sealedRoot(pages map[string][]byte) map[string][]byte {
	return map[string][]byte{stages.PackagesFile: r.packages, pageFile: pages[pageFile]}
}

// addSeal adds to a site the signature of the repository that it is made of: its
// nights are the same, and only its base URL is another.
func addSeal(ctx context.Context, files map[string][]byte, from target.Source) error {
	data, err := target.Read(ctx, from, attest.RepositoryFile)
	if errors.Is(err, errMissing) {
		return nil
	}
	if err == nil {
		files[attest.RepositoryFile] = data
	}
	return err
}
