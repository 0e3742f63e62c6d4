package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// sampleDataPrefix marks a suggested sample data package: bin/magento
// sampledata:deploy of Magento looks for it.
const sampleDataPrefix = "Sample Data version: "

// Rewrite turns the composer.json of a package in the sources into the published one. It
// sets name and version, renames and pins links, adds what the package replaces, renames
// allowed plugins, and applies the line's edits last. All else stays, and so does the
// order of keys.
func (s *Set) Rewrite(m *composer.Manifest) error {
	source := composer.Name(m.Name())
	version, ok := s.Version(source)
	if !ok {
		return fmt.Errorf("rewrite composer.json of %q: it is not among the packages that are built", source)
	}
	if err := s.identify(m, source, version); err != nil {
		return fmt.Errorf("rewrite composer.json of %s: %w", source, err)
	}
	for _, section := range []composer.Section{composer.Require, composer.RequireDev, composer.Suggest} {
		rewriteLinks(m, section, func(link composer.Link) composer.Link { return s.pin(s.settle(link, source)) })
	}
	for _, section := range []composer.Section{composer.Conflict, composer.Provide} {
		rewriteLinks(m, section, func(link composer.Link) composer.Link {
			link.Name = s.renameLink(link.Name)
			return s.settle(link, source)
		})
	}
	rewriteLinks(m, composer.Suggest, suggestSampleData)
	if err := s.rewriteAbandoned(m); err != nil {
		return fmt.Errorf("rewrite composer.json of %s: %w", source, err)
	}
	s.rewriteReplace(m, source)
	for _, key := range []string{"allow-plugins", "preferred-install"} {
		if err := s.rewriteConfig(m, key); err != nil {
			return fmt.Errorf("rewrite composer.json of %s: config.%s: %w", source, key, err)
		}
	}
	for _, edit := range s.edits[s.Rename(source)] {
		if edit.Applies(version) {
			s.edit(m, edit)
		}
	}
	return nil
}

// rewriteAbandoned renames the package that is to be used instead; "abandoned" may be true or an address, too.
func (s *Set) rewriteAbandoned(m *composer.Manifest) error {
	var instead string
	value, there := m.Get("abandoned")
	if !there || json.Unmarshal(value, &instead) != nil {
		return nil
	}
	return m.Set("abandoned", s.renameLink(instead))
}

func (s *Set) identify(m *composer.Manifest, source composer.Name, version string) error {
	if err := m.Set("name", string(s.Rename(source))); err != nil {
		return err
	}
	if _, ok := m.Get("version"); ok {
		return m.Set("version", version)
	}
	return m.SetAfter("name", "version", version)
}

func rewriteLinks(m *composer.Manifest, section composer.Section, rewrite func(composer.Link) composer.Link) {
	links := m.Links(section)
	if len(links) == 0 {
		return // an empty section stays as it is written
	}
	for i, link := range links {
		links[i] = rewrite(link)
	}
	m.SetLinks(section, links)
}

// settle replaces "self.version" by the package's version in the sources: in the
// published composer.json it would mean the version of the snapshot.
func (s *Set) settle(link composer.Link, source composer.Name) composer.Link {
	if base := s.bases[source]; link.Constraint == composer.SelfVersion && base != "" && !s.tagged {
		link.Constraint = base
	}
	return link
}

func suggestSampleData(link composer.Link) composer.Link {
	isSampleData := strings.HasSuffix(link.Name, "-sample-data") || strings.Contains(link.Name, "/sample-data-")
	if isSampleData && !strings.HasPrefix(link.Constraint, strings.TrimSpace(sampleDataPrefix)) {
		link.Constraint = sampleDataPrefix + link.Constraint
	}
	return link
}

// rewriteReplace adds the upstream package that this one stands in for. The names
// in a replace section are never renamed: they are what others know the
// package by, and to replace a package that is built would shut that one out.
func (s *Set) rewriteReplace(m *composer.Manifest, source composer.Name) {
	upstream, known := s.replace[source]
	if !known {
		return
	}
	links := m.Links(composer.Replace)
	for i := range links {
		// In the sources it means upstream's version, not the one of the night.
		if links[i].Constraint == composer.SelfVersion {
			links[i].Constraint = upstream
		}
	}
	own := composer.Link{Name: string(source), Constraint: upstream}
	at := slices.IndexFunc(links, func(l composer.Link) bool { return strings.EqualFold(l.Name, own.Name) })
	if at < 0 {
		links = append(links, own)
	} else {
		links[at] = own
	}
	m.SetLinks(composer.Replace, links)
}

// rewriteConfig renames the packages of which a project's config says something: the
// plugins that it allows. A pattern for a whole vendor stays, for those of its packages
// that are not built, and gets one for the new vendor behind it.
func (s *Set) rewriteConfig(m *composer.Manifest, key string) error {
	config, packages, err := configOf(m, key)
	if err != nil || packages == nil {
		return err
	}
	renamed := composer.NewManifest()
	for _, name := range packages.Keys() {
		value, _ := packages.Get(name)
		names := []string{s.renameLink(name)}
		if pattern, ok := s.renamePattern(name); ok {
			names = append(names, pattern)
		}
		for _, n := range names {
			if err := renamed.Set(n, value); err != nil {
				return err
			}
		}
	}
	if err := config.Set(key, renamed); err != nil {
		return err
	}
	return m.Set("config", config)
}

// configOf gives config and the object of packages in it; nil if there is none, or if
// it is one answer for all.
func configOf(m *composer.Manifest, key string) (config, packages *composer.Manifest, err error) {
	data, ok := m.Get("config")
	if !ok || !isObject(data) {
		return nil, nil, nil
	}
	if config, err = composer.ParseManifest(data); err != nil {
		return nil, nil, err
	}
	data, ok = config.Get(key)
	if !ok || !isObject(data) {
		return nil, nil, nil
	}
	packages, err = composer.ParseManifest(data)
	return config, packages, err
}

func isObject(data json.RawMessage) bool { return len(data) > 0 && data[0] == '{' }

func (s *Set) renamePattern(pattern string) (string, bool) {
	vendor, project, _ := strings.Cut(pattern, "/")
	renamed, ok := s.vendors[vendor]
	return renamed + "/" + project, ok && strings.Contains(project, "*")
}

// edit applies one edit of the line. What it sets is renamed and pinned as
// everything else.
func (s *Set) edit(m *composer.Manifest, edit releases.Edit) {
	for _, remove := range edit.Remove {
		links := m.Links(remove.Section)
		kept := slices.DeleteFunc(slices.Clone(links), func(l composer.Link) bool { return l.Name == remove.Name })
		if len(kept) < len(links) {
			m.SetLinks(remove.Section, kept)
		}
	}
	for _, set := range edit.Set {
		link := composer.Link{Name: set.Name, Constraint: set.Constraint}
		switch set.Section {
		case composer.Require, composer.RequireDev:
			if s.tagged {
				link.Name = s.renameLink(link.Name)
			} else {
				link = s.pin(link)
			}
		case composer.Conflict:
			link.Name = s.renameLink(link.Name)
		}
		m.SetLinks(set.Section, append(m.Links(set.Section), link))
	}
}
