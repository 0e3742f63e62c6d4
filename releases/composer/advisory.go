package composer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// An Advisory is what a repository's metadata says of a vulnerability of one package, under "security-advisories". Its
// form is that of Packagist, which "composer audit" reads.
type Advisory struct {
	ID       string           `json:"advisoryId"`
	Package  string           `json:"packageName"`
	Affected string           `json:"affectedVersions"` // a constraint
	Title    string           `json:"title"`
	CVE      string           `json:"cve,omitempty"`
	Link     string           `json:"link,omitempty"`
	Reported string           `json:"reportedAt"` // as RFC 3339
	Sources  []AdvisorySource `json:"sources"`    // at least one
	Severity string           `json:"severity,omitempty"`
}

// An AdvisorySource is who tells of it, and under which name.
type AdvisorySource struct {
	Name     string `json:"name"`
	RemoteID string `json:"remoteId"`
}

// maxAdvisories bounds a file of advisories, in bytes.
const maxAdvisories = 16 << 20

// ParseAdvisories reads a file of advisories, one or a list: in the form of OSV (https://ossf.github.io/osv-schema/), or
// that of GitHub's API. What is of other ecosystems than Composer's, and what was withdrawn, is left out. The error names
// all that is wrong. They are in the order of their packages and names.
func ParseAdvisories(data []byte) ([]Advisory, error) {
	if len(data) > maxAdvisories {
		return nil, fmt.Errorf("%d bytes of advisories; want at most %d", len(data), maxAdvisories)
	}
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] != '[' {
		data = slices.Concat([]byte("["), data, []byte("]"))
	}
	var list []advisoryForm
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("advisories: %w", err)
	}
	all := []Advisory{}
	var errs []error
	for i, form := range list {
		found, err := form.advisories()
		if err != nil {
			errs = append(errs, fmt.Errorf("advisory %d, %.60q: %w", i+1, cmp.Or(form.ID, form.GHSA), err))
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(a, b Advisory) int {
		return cmp.Or(strings.Compare(a.Package, b.Package), strings.Compare(a.ID, b.ID))
	})
	return all, errors.Join(errs...)
}

// An advisoryForm is an advisory in either form.
type advisoryForm struct {
	Summary   string `json:"summary"`
	Published string `json:"published"` // GitHub: published_at
	Withdrawn string `json:"withdrawn"`

	// OSV.
	ID       string   `json:"id"`
	Aliases  []string `json:"aliases"`
	Affected []struct {
		Package  advisoryPackage `json:"package"`
		Ranges   []advisoryRange `json:"ranges"`
		Versions []string        `json:"versions"`
	} `json:"affected"`
	References []struct {
		Type string `json:"type"`
		URL  string `json:"url"`
	} `json:"references"`
	Specific struct {
		Severity string `json:"severity"`
	} `json:"database_specific"`

	// GitHub.
	GHSA            string          `json:"ghsa_id"`
	CVE             string          `json:"cve_id"`
	URL             string          `json:"html_url"`
	GitHubPublished string          `json:"published_at"`
	GitHubWithdrawn string          `json:"withdrawn_at"`
	GitHubSeverity  json.RawMessage `json:"severity"` // text; OSV has a list of scores
	Vulnerabilities []struct {
		Package advisoryPackage `json:"package"`
		Range   string          `json:"vulnerable_version_range"`
	} `json:"vulnerabilities"`
}

type advisoryPackage struct {
	Ecosystem string `json:"ecosystem"`
	Name      string `json:"name"`
}

// composers are the names that the forms have for Composer's ecosystem.
func (p advisoryPackage) composers() bool {
	return strings.EqualFold(p.Ecosystem, "composer") || strings.EqualFold(p.Ecosystem, "packagist")
}

// An advisoryRange is a list of events in order: affected from introduced on, until fixed or after last_affected.
type advisoryRange struct {
	Type   string `json:"type"`
	Events []struct {
		Introduced   string `json:"introduced"`
		Fixed        string `json:"fixed"`
		LastAffected string `json:"last_affected"`
	} `json:"events"`
}

// constraint is the range as a constraint.
func (r advisoryRange) constraint() string {
	var parts []string
	open := ""
	for _, e := range r.Events {
		switch {
		case e.Introduced == "0":
			open = ">=0-dev"
		case e.Introduced != "":
			open = ">=" + e.Introduced
		case e.Fixed != "" && open != "":
			parts, open = append(parts, open+",<"+e.Fixed), ""
		case e.LastAffected != "" && open != "":
			parts, open = append(parts, open+",<="+e.LastAffected), ""
		}
	}
	if open != "" {
		parts = append(parts, open)
	}
	return strings.Join(parts, "|")
}

func (f advisoryForm) advisories() ([]Advisory, error) {
	if f.Withdrawn != "" || f.GitHubWithdrawn != "" {
		return nil, nil
	}
	affected := map[string][]string{} // by package
	var names []string
	add := func(p advisoryPackage, constraints ...string) {
		if !p.composers() {
			return
		}
		name := strings.ToLower(p.Name)
		if affected[name] == nil {
			names = append(names, name)
		}
		affected[name] = append(affected[name], constraints...)
	}
	for _, a := range f.Affected {
		var constraints []string
		for _, r := range a.Ranges {
			if c := r.constraint(); c != "" && r.Type != "GIT" {
				constraints = append(constraints, c)
			}
		}
		for _, v := range a.Versions {
			if len(constraints) == 0 || len(a.Ranges) == 0 {
				constraints = append(constraints, "=="+v)
			}
		}
		add(a.Package, constraints...)
	}
	for _, v := range f.Vulnerabilities {
		add(v.Package, strings.ReplaceAll(v.Range, " ", ""))
	}
	a, err := f.common()
	if err != nil {
		return nil, err
	}
	all, errs := make([]Advisory, 0, len(names)), []error{}
	for _, name := range names {
		a.Package, a.Affected = name, strings.Join(affected[name], "|")
		_, errName := ParseName(name)
		_, err := ParseConstraint(a.Affected)
		if err = errors.Join(errName, err); err != nil || a.Affected == "" {
			errs = append(errs, fmt.Errorf("affected versions %q of %q: want a constraint of a package: %w", a.Affected, name, err))
			continue
		}
		all = append(all, a)
	}
	return all, errors.Join(errs...)
}

// common has the fields of an advisory that all its packages share.
func (f advisoryForm) common() (Advisory, error) {
	a := Advisory{ID: cmp.Or(f.ID, f.GHSA), Title: f.Summary, CVE: f.CVE, Link: f.URL, Severity: strings.ToLower(f.Specific.Severity)}
	var severity string
	if json.Unmarshal(f.GitHubSeverity, &severity) == nil {
		a.Severity = cmp.Or(severity, a.Severity)
	}
	for _, alias := range f.Aliases {
		if strings.HasPrefix(alias, "CVE-") {
			a.CVE = cmp.Or(a.CVE, alias)
		}
	}
	for _, kind := range []string{"ADVISORY", "WEB"} {
		for _, r := range f.References {
			if r.Type == kind {
				a.Link = cmp.Or(a.Link, r.URL)
			}
		}
	}
	reported, err := time.Parse(time.RFC3339, cmp.Or(f.Published, f.GitHubPublished))
	switch {
	case a.ID == "":
		return a, errors.New("it has neither an \"id\", as OSV, nor a \"ghsa_id\", as GitHub")
	case a.Title == "":
		return a, errors.New("it has no \"summary\"")
	case err != nil:
		return a, fmt.Errorf("when it was published: %w", err)
	}
	a.Reported = reported.UTC().Format(time.RFC3339)
	source, _, _ := strings.Cut(a.ID, "-")
	a.Sources = []AdvisorySource{{map[string]string{"GHSA": "GitHub"}[source], a.ID}}
	a.Sources[0].Name = cmp.Or(a.Sources[0].Name, "OSV")
	return a, nil
}

// Said is what a file of metadata says of a package's versions beside them, as Composer reads it.
type Said struct {
	Advisories []Advisory               `json:"security-advisories,omitempty"`
	Filter     map[string][]FilterEntry `json:"filter,omitempty"` // by list
}

// IsZero reports whether nothing is said.
func (s Said) IsZero() bool { return len(s.Advisories) == 0 && len(s.Filter) == 0 }

// A FilterEntry is what a repository's metadata says of versions of one package that nobody shall install, under a list of
// "filter". Composer from 2.11 on reads it.
type FilterEntry struct {
	Constraint string `json:"constraint"`
	Reason     string `json:"reason"`
}
