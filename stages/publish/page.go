package publish

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"html/template"
	"net/url"
	"regexp"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

//go:embed page/page.html
var pageHTML string

//go:embed page/page.css
var pageStyle string

//go:embed page/page.js
var pageScript string

var pageTemplate = template.Must(template.New(pageFile).Parse(pageHTML))

// A page is what the page for people shows. It is a pure function of the
// repository, so that publishing the same night again leaves it unchanged.
type page struct {
	Policy        string        // Content-Security-Policy
	Style, Script template.HTML // of this program, not of a night
	Title         string
	URL           string
	Night         string
	Install       string // command; empty if the line has no project
	Configure     string // command that adds the repository to a project
	Repositories  []pageRepository
	Nights        []pageNight
	Packages      []pagePackage
}

// A pageRepository is a repository of the newest night. URLs are empty where
// the sources are not on the web.
type pageRepository struct{ Name, Ref, Commit, Short, URL, CommitURL string }

// A pageNight is a kept night; its links are relative to the page.
type pageNight struct{ Name, Packages, Manifest string }

// A pagePackage is a package of the newest night.
type pagePackage struct {
	Name, Version, Type, Command string
	Requires                     []pageRequire
}

// A pageRequire is one require; Built says that it is on the page itself.
type pageRequire struct {
	releases.Requirement
	Built bool
}

func newPage(r *repository) page {
	newest := r.nights[0].manifest
	p := page{
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'" +
			"; style-src '" + sourceHash(pageStyle) + "'; script-src '" + sourceHash(pageScript) + "'",
		Style:     template.HTML("<style>" + pageStyle + "</style>"),    //nolint:gosec // embedded
		Script:    template.HTML("<script>" + pageScript + "</script>"), //nolint:gosec // embedded
		Title:     newest.Plan.Line.Title,
		URL:       r.base,
		Night:     newest.Night,
		Install:   installCommand(newest, r.base),
		Configure: "composer config repositories.nightly composer " + shellQuote(r.base),
	}
	if p.Title == "" {
		p.Title = "Nightly builds"
	}
	for _, repo := range newest.Plan.Repositories {
		p.Repositories = append(p.Repositories, newPageRepository(repo))
	}
	for _, n := range r.nights {
		at := nightsDir + "/" + n.name + "/"
		p.Nights = append(p.Nights, pageNight{n.name, at + stages.PackagesFile, at + releases.ManifestName})
	}
	p.Packages = pagePackages(newest, r.base)
	return p
}

func pagePackages(m *releases.Manifest, base string) []pagePackage {
	built := make(map[string]bool, len(m.Packages))
	for _, pkg := range m.Packages {
		built[pkg.Name] = true
	}
	list := make([]pagePackage, 0, len(m.Packages))
	for _, pkg := range m.Packages {
		command := "composer require " + shellQuote(pkg.Name+":"+pkg.Version)
		if pkg.Type == "project" {
			command = createProject(pkg, base)
		}
		row := pagePackage{Name: pkg.Name, Version: pkg.Version, Type: pkg.Type, Command: command}
		for _, require := range pkg.Requires {
			row.Requires = append(row.Requires, pageRequire{require, built[require.Name]})
		}
		list = append(list, row)
	}
	return list
}

// installCommand is how to get the line's project: the one that is installed as
// a test, else its first.
func installCommand(m *releases.Manifest, base string) string {
	line := m.Plan.Line
	name := line.Install.Project
	for _, edition := range line.Editions {
		if name == "" && edition.Type == "project" {
			name = edition.Name
		}
	}
	for _, pkg := range m.Packages {
		if name != "" && pkg.Name == line.Vendor+"/"+name {
			return createProject(pkg, base)
		}
	}
	return ""
}

func createProject(pkg releases.ManifestPackage, base string) string {
	return "composer create-project --repository=" + shellQuote(base) + " " + shellQuote(pkg.Name+":"+pkg.Version) + " shop"
}

// newPageRepository links what is on the web, without a user that may stand in
// the URL that it is fetched from.
func newPageRepository(r releases.PlannedRepository) pageRepository {
	row := pageRepository{Name: r.Name, Ref: r.Ref, Commit: r.Commit, Short: r.Commit}
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		row.Ref = strings.TrimPrefix(row.Ref, prefix)
	}
	if len(row.Short) > 10 {
		row.Short = row.Short[:10]
	}
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return row
	}
	web := url.URL{Scheme: "https", Host: u.Host, Path: strings.TrimSuffix(strings.TrimRight(u.Path, "/"), ".git")}
	row.URL = web.String()
	// GitHub, GitLab, Gitea and Forgejo all show a commit there.
	row.CommitURL = web.JoinPath("commit", r.Commit).String()
	return row
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9@%_+=:,./-]+$`)

// shellQuote makes a word of a shell command that means just its text.
func shellQuote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// sourceHash allows one inline style or script: Content Security Policy Level 3,
// "hash-source".
func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func renderPage(p page) ([]byte, error) {
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, p)
	return b.Bytes(), err
}
