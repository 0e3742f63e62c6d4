package attest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/github/go-spdx/v2/spdxexp"
	"github.com/google/uuid"
	"github.com/package-url/packageurl-go"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// specVersion is the newest that the tools which read them take, as of 2026.
const specVersion = cdx.SpecVersion1_6

// A material is one package of the bill.
type material struct {
	name, version string
	license       []string
	built         *releases.ManifestPackage // nil: somebody else's
	installed     bool
}

// bill is the CycloneDX bill of materials of a snapshot: every package that was built, and
// every one that was installed, with the version and licence that it had then.
func bill(s Subject, i *stages.Installation) ([]byte, error) {
	materials, err := materialsOf(s, i)
	if err != nil {
		return nil, err
	}
	root, project := rootOf(s.Manifest, materials)
	components := []cdx.Component{}
	for _, name := range slices.Sorted(maps.Keys(materials)) {
		if name != project {
			components = append(components, component(materials[name], s.URL))
		}
	}
	bom := &cdx.BOM{
		BOMFormat: cdx.BOMFormat, Version: 1,
		SerialNumber: uuid.NewSHA1(uuid.NameSpaceURL, []byte(s.URL+string(pipeline.DigestOf(s.Files[releases.ManifestName])))).URN(),
		Metadata: &cdx.Metadata{
			Component: &root,
			Tools:     &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Group: "mage-os", Name: "nightly", Version: s.Manifest.Program}}},
		},
		Components:   &components,
		Dependencies: dependencies(materials, root.BOMRef, project),
	}
	var out bytes.Buffer
	encoder := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false)
	if err := encoder.EncodeVersion(bom, specVersion); err != nil {
		return nil, fmt.Errorf("bill of materials: %w", err)
	}
	return out.Bytes(), nil
}

// materialsOf joins what was built and what was installed, by name.
func materialsOf(s Subject, i *stages.Installation) (map[string]material, error) {
	all := map[string]material{}
	var errs []error
	for n, p := range s.Manifest.Packages {
		license, err := licenseOf(s.Files[stages.MetadataDir+"/"+p.Name+".json"], p)
		errs = append(errs, err)
		all[p.Name] = material{name: p.Name, version: p.Version, license: license, built: &s.Manifest.Packages[n]}
	}
	for _, p := range i.Packages {
		m, ours := all[p.Name]
		if ours && m.version != p.Version {
			errs = append(errs, fmt.Errorf("%s was built as %s, but %s was installed", p.Name, m.version, p.Version))
		}
		if !ours {
			m = material{name: p.Name, version: p.Version, license: p.License}
		}
		m.installed = true
		all[p.Name] = m
	}
	return all, errors.Join(errs...)
}

// licenseOf reads the licence of a package in the snapshot's metadata, which has the
// composer.json of the zip.
func licenseOf(metadata []byte, p releases.ManifestPackage) ([]string, error) {
	var file struct {
		Packages map[string][]struct {
			Version string          `json:"version"`
			License json.RawMessage `json:"license"`
		} `json:"packages"`
	}
	if err := json.Unmarshal(metadata, &file); err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", p.Name, err)
	}
	for _, v := range file.Packages[p.Name] {
		if v.Version == p.Version {
			return composer.License(v.License), nil
		}
	}
	return nil, nil // a version that is in the ~dev file: it has none to tell
}

// rootOf is what the bill is of: the snapshot's project, or the snapshot itself.
func rootOf(m *releases.Manifest, materials map[string]material) (root cdx.Component, project string) {
	project = m.Plan.Line.Vendor + "/" + m.Plan.Line.Install.Project
	if p, ok := materials[project]; ok {
		root = component(p, "")
		root.Type = cdx.ComponentTypeApplication
		root.Scope = ""
		return root, project
	}
	return cdx.Component{BOMRef: "snapshot", Type: cdx.ComponentTypeApplication, Name: m.Plan.Line.Name, Version: string(m.Snapshot)}, ""
}

func component(m material, base string) cdx.Component {
	group, name, _ := strings.Cut(m.name, "/")
	ref := purl(m)
	c := cdx.Component{
		BOMRef: ref, Type: cdx.ComponentTypeLibrary, Group: group, Name: name, Version: m.version,
		Scope: cdx.ScopeOptional, PackageURL: ref, Licenses: licenses(m.license),
	}
	if m.installed {
		c.Scope = cdx.ScopeRequired
	}
	if m.built != nil && m.built.Dist != nil {
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA1, Value: m.built.Dist.SHA1}, {Algorithm: cdx.HashAlgoSHA256, Value: string(m.built.Dist.SHA256)}}
		if base != "" {
			c.ExternalReferences = &[]cdx.ExternalReference{{Type: cdx.ERTypeDistribution, URL: stages.DistURL(base, m.built.Dist.Path)}}
		}
	}
	return c
}

func purl(m material) string {
	group, name, _ := strings.Cut(m.name, "/")
	return packageurl.NewPackageURL(packageurl.TypeComposer, group, name, m.version, nil, "").ToString()
}

// operators are SPDX's, which Composer takes in lower case, too.
var operators = strings.NewReplacer(" and ", " AND ", " or ", " OR ", " with ", " WITH ")

// licenses writes Composer's "license": several are a choice
// (https://getcomposer.org/doc/04-schema.md#license). What is no licence of SPDX is
// written as a name.
func licenses(list []string) *cdx.Licenses {
	if len(list) == 0 {
		return nil
	}
	names := list
	list = slices.Clone(list)
	for i := range list {
		list[i] = operators.Replace(list[i])
	}
	valid, _ := spdxexp.ValidateLicenses(list)
	switch {
	case !valid:
		out := cdx.Licenses{}
		for _, name := range names {
			out = append(out, cdx.LicenseChoice{License: &cdx.License{Name: name}})
		}
		return &out
	case len(list) == 1 && !strings.ContainsAny(list[0], " ()+:"):
		return &cdx.Licenses{{License: &cdx.License{ID: list[0]}}}
	}
	parts := make([]string, len(list))
	for i, expression := range list {
		parts[i] = expression
		if len(list) > 1 && strings.Contains(expression, " ") && !strings.HasPrefix(expression, "(") {
			parts[i] = "(" + expression + ")"
		}
	}
	return &cdx.Licenses{{Expression: strings.Join(parts, " OR ")}}
}

// dependencies say which packages of the bill each package of the snapshot requires.
func dependencies(materials map[string]material, root, project string) *[]cdx.Dependency {
	all := []cdx.Dependency{}
	for _, name := range slices.Sorted(maps.Keys(materials)) {
		m := materials[name]
		if m.built == nil {
			continue
		}
		on := []string{}
		for _, r := range m.built.Requires {
			if required, ok := materials[strings.ToLower(r.Name)]; ok {
				on = append(on, purl(required))
			}
		}
		slices.Sort(on)
		on = slices.Compact(on)
		all = append(all, cdx.Dependency{Ref: purl(m), Dependencies: &on})
	}
	if project == "" {
		all = append(all, cdx.Dependency{Ref: root})
	}
	return &all
}
