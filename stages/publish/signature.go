package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish/target"
)

// attestSnapshot adds to a snapshot that is published what is said of it.
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
			return fmt.Errorf("%s has a file %s of its own", n.name.Title(), name)
		}
		n.files[name] = data
	}
	return nil
}

func (o Options) signs() bool { return o.Attest != nil && o.Attest.Key != nil }

// A signature is the one that a target has.
type signature struct {
	data     []byte          // nil: none
	packages pipeline.Digest // of the packages.json that was signed
}

// readSignature reads the signature that a target has. It refuses, before anything is
// written, a target that this run could not sign: its signature would be wrong from then on.
func (o Options) readSignature(ctx context.Context, s target.Source) (signature, error) {
	data, err := target.ReadIfThere(ctx, s, attest.RepositoryFile)
	switch {
	case data == nil:
		return signature{}, err
	case !o.signs():
		return signature{}, fmt.Errorf("repository %s is signed, and without its key the signature would be wrong; give --sign-key, or remove %s if nobody shall rely on signatures any more", s, attest.RepositoryFile)
	}
	statement, _, err := attest.VerifyRepository(ctx, data, o.Attest.Trusted())
	if err != nil {
		return signature{}, fmt.Errorf("%s of %s %w: give that key with --former-key if it was yours, else see who published; remove the file to begin anew", attest.RepositoryFile, s, err)
	}
	return signature{data, statement.Subjects[stages.PackagesFile]}, nil
}

// sign signs which snapshots the repository has now, and the files at its root.
func (o Options) sign(ctx context.Context, w *writer, before []byte, r *repository, page []byte) error {
	if !o.signs() {
		return nil
	}
	data, err := o.Attest.SignRepository(ctx, attest.Repository{
		URL: r.base, Published: o.Now.UTC(), Snapshots: signedSnapshots(r.snapshots), Withdrawn: signedSnapshots(r.withdrawn), Versions: r.versions,
	}, map[string][]byte{stages.PackagesFile: r.packages, pageFile: page}, before)
	if err != nil {
		return err
	}
	return w.putAll(ctx, map[string]target.Content{attest.RepositoryFile: content(attest.RepositoryFile, data)})
}

// signedSnapshots names snapshots by their manifests.
func signedSnapshots(snapshots []*snapshot) []attest.SignedSnapshot {
	all := make([]attest.SignedSnapshot, len(snapshots))
	for i, n := range snapshots {
		all[i] = attest.SignedSnapshot{Snapshot: n.name, SHA256: n.sum}
	}
	return all
}

// checkSigned compares the snapshots that a signed target has with what was signed when
// they were published: a key does not sign what somebody else has put there. Those
// that are merged already were compared then.
func (o Options) checkSigned(ctx context.Context, s target.Source, before observed, r *repository, add *snapshot) error {
	if !o.signs() {
		return nil
	}
	var errs []error
	for _, n := range r.live {
		if n == add || !r.anew && before.metadata.has(n) {
			continue
		}
		if err := o.checkSnapshot(ctx, s, n, r.base); err != nil {
			errs = append(errs, fmt.Errorf("%s of %s: %w; nothing was signed or published", n.name.Dir(), s, err))
		}
	}
	return errors.Join(errs...)
}

// checkSnapshot compares what a target has of a snapshot with its signed manifest.
func (o Options) checkSnapshot(ctx context.Context, s target.Source, n *snapshot, base string) error {
	const file = attest.SignedProvenanceFile
	data, err := target.ReadIfThere(ctx, s, snapshotFile(n.name, file))
	if data == nil {
		return err // from before there was a key: verifying says so
	}
	statement, err := attest.Verify(ctx, data, o.Attest.Trusted())
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if sum := statement.Subjects[releases.ManifestName]; sum != n.sum {
		return fmt.Errorf("%s is of a %s with SHA-256 %s, not %s", file, releases.ManifestName, sum, n.sum)
	}
	all, errVersions := n.versions(ctx)
	m, err := n.manifest(ctx)
	if err := errors.Join(errVersions, err); err != nil {
		return err
	}
	packages := map[string]releases.ManifestPackage{}
	for _, p := range m.Packages {
		packages[p.Name+" "+p.Version] = p
	}
	var errs []error
	for file, entries := range all {
		for version, entry := range entries {
			if err := checkEntry(entry, version, base, packages); err != nil {
				errs = append(errs, fmt.Errorf("%s, %s %s: %w", versionsFile, file, version, err))
			}
		}
	}
	return errors.Join(errs...)
}

// checkEntry compares one version in Composer's metadata with the manifest: whose it
// is, its requires, and which bytes Composer downloads for it.
func checkEntry(entry []byte, version string, base string, packages map[string]releases.ManifestPackage) error {
	m, err := composer.ParseManifest(entry)
	if err != nil {
		return err
	}
	p, ok := packages[m.Name()+" "+version]
	if !ok {
		return fmt.Errorf("is %s %s, which is not in %s", m.Name(), m.Version(), releases.ManifestName)
	}
	if err := p.CheckManifest(m); err != nil {
		return err
	}
	var found struct{ Dist composer.Dist }
	if err := json.Unmarshal(entry, &found); err != nil {
		return err
	}
	if found.Dist.SHASum != p.Dist.SHA1 || found.Dist.URL != stages.DistURL(base, p.Dist.Path) {
		return fmt.Errorf("names the dist %s with SHA-1 %s, which is not that of %s", found.Dist.URL, found.Dist.SHASum, releases.ManifestName)
	}
	return nil
}
