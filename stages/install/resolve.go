package install

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases/composer"
)

// resolve lets Composer choose the versions of all packages; nothing is
// installed yet.
func (s *shop) resolve(ctx context.Context) error { return s.resolving("resolve")(ctx) }

func (s *shop) resolving(name string) step {
	return func(ctx context.Context) error {
		if _, err := s.run(ctx, s.composer(name, "update", "--no-install", "--no-scripts", "--no-progress")); err != nil {
			return s.reachable(err)
		}
		return s.readLock(ctx)
	}
}

// readLock reads which versions Composer has chosen.
func (s *shop) readLock(context.Context) (err error) {
	s.locked, err = s.readPackages("composer.lock")
	return err
}

// checkResolved looks for packages of ours that the project requires and does
// not get, because another package says that it replaces them, and compares what
// ours replace with upstream.
func (s *shop) checkResolved(context.Context) error {
	project, _, err := s.readManifest()
	if err != nil {
		return err
	}
	missing := s.ours() // that the project does not get, each told once
	manifests := []*composer.Manifest{project}
	for _, p := range s.locked {
		delete(missing, string(p.Name))
		manifests = append(manifests, p.Manifest)
	}
	var errs []error
	for _, m := range manifests {
		for _, link := range m.Links(composer.Require) {
			if _, is := missing[link.Name]; is {
				delete(missing, link.Name)
				errs = append(errs, fmt.Errorf("%s requires %s, which the snapshot has, but Composer did not take it, because %s", m.Name(), link.Name, s.replacer(link.Name)))
			}
		}
	}
	errs = append(errs, s.checkReplaced()...)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("the project does not resolve to this snapshot's packages:\n%w", err)
	}
	s.prove("resolve", "%d packages", len(s.locked))
	return nil
}

// replacer says which resolved package replaces or provides a name.
func (s *shop) replacer(name string) string {
	for _, p := range s.locked {
		for _, section := range []composer.Section{composer.Replace, composer.Provide} {
			for _, link := range p.Manifest.Links(section) {
				if link.Name == name {
					return fmt.Sprintf("%s has it in %s; correct the composer.json of %[1]s", p.Name, section)
				}
			}
		}
	}
	return "another package stands in for it"
}

// checkReplaced compares the upstream packages that ours replace with those that
// upstream has.
func (s *shop) checkReplaced() (errs []error) {
	for _, p := range s.locked {
		replaces := map[string]string{}
		for _, link := range p.Manifest.Links(composer.Replace) {
			replaces[link.Name] = link.Constraint
		}
		for _, r := range s.candidate.Replaced {
			if got := cmp.Or(replaces[r.Upstream], "nothing"); r.Package == string(p.Name) && got != r.Version {
				errs = append(errs, fmt.Errorf("%s replaces %s of %s, want version %s, which is upstream's", p.Name, got, r.Upstream, r.Version))
			}
		}
	}
	return errs
}

// demo is the extension that has to resolve beside the snapshot.
const demo = "nightly-demo/extension"

// extension proves that a third-party extension that requires upstream names
// resolves: a package that exists nowhere else requires all of them, in a copy of
// the project's two files.
func (s *shop) extension(ctx context.Context) error {
	require := s.replacedHere()
	if len(require) == 0 {
		s.skip("extension", "no package of this snapshot replaces one of upstream, so that none can be asked for")
		return nil
	}
	dir := s.dir.path("extension")
	if err := s.writeExtension(dir, require); err != nil {
		return err
	}
	c := s.composer("extension", "update", demo, "--no-install", "--no-plugins", "--no-scripts", "--no-progress")
	c.dir = dir
	if _, err := s.run(ctx, c); err != nil {
		return s.reachable(err)
	}
	s.prove("extension", "an extension that requires %d upstream packages, %s and the like, resolves", len(require), slices.Min(slices.Collect(maps.Keys(require))))
	return nil
}

// replacedHere are the upstream packages that resolved ones replace.
func (s *shop) replacedHere() map[string]string {
	require := map[string]string{}
	for _, p := range s.locked {
		for _, r := range s.candidate.Replaced {
			if r.Package == string(p.Name) {
				require[r.Upstream] = r.Version
			}
		}
	}
	return require
}

// writeExtension copies the project's composer.json and composer.lock and adds
// the extension.
func (s *shop) writeExtension(dir string, require map[string]string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	lock, err := files.Read(s.in("composer.lock"), maxForeign)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "composer.lock"), lock, 0o644); err != nil {
		return err
	}
	m, repositories, err := s.readManifest()
	if err != nil {
		return err
	}
	m.SetLinks(composer.Require, append(m.Links(composer.Require), composer.Link{Name: demo, Constraint: "1.0.0"}))
	return writeManifest(dir, m, append([]map[string]any{{"type": "package", "package": map[string]any{
		"name": demo, "version": "1.0.0", "type": "metapackage", "require": require,
	}}}, repositories...))
}

// readManifest reads the project's composer.json, with the repositories that it names.
func (s *shop) readManifest() (m *composer.Manifest, repositories []map[string]any, err error) {
	data, err := files.Read(s.in("composer.json"), maxForeign)
	if err == nil {
		m, err = composer.ParseManifest(data)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the created project: %s: %w", s.in("composer.json"), err)
	}
	if raw, ok := m.Get("repositories"); ok {
		if err := json.Unmarshal(raw, &repositories); err != nil {
			return nil, nil, fmt.Errorf("%s: repositories: %w; the project edition has to list them", s.in("composer.json"), err)
		}
	}
	return m, repositories, nil
}

// writeManifest writes the composer.json of a project, with other repositories.
func writeManifest(dir string, m *composer.Manifest, repositories []map[string]any) error {
	if err := m.Set("repositories", repositories); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "composer.json"), m.Encode(), 0o644)
}
