package stages

import (
	"fmt"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// A Tag is the input of building one tag of a mirror. It holds all that decides
// what becomes of the tag and nothing else, so that a tag is built once.
type Tag struct {
	// Pin is the tag: Commit and TagCommit are the same. Its name is that of the
	// repository.
	Pin Pin `json:"pin"`
	// Line is the part of the line for the tag: releases.Line.ForTag.
	Line releases.Line `json:"line"`
	// LatestTags are the plan's, for editions that were not released yet.
	LatestTags map[string]string `json:"latest-tags"`
	// Data is the repository of the line's data; its Commit is empty if it has none.
	Data    Pin            `json:"data"`
	Program string         `json:"program"`
	Stages  map[string]int `json:"stages"`
}

// DataPin is the pin of a line's data; empty if it has none.
func DataPin(line *releases.Line) Pin {
	if line.Data == nil {
		return Pin{}
	}
	return Pin{Name: "data", URL: line.Data.URL, Ref: line.Data.Ref, Commit: line.Data.Commit}
}

// TagsOf are the tags that a plan of a mirror builds, in their order.
func TagsOf(p *releases.Plan, versions map[string]int) ([]Tag, error) {
	var tags []Tag
	for _, r := range p.Repositories {
		for _, t := range r.Tags {
			part, ok := p.Line.ForTag(r.Name, t.Tag)
			if !ok {
				return nil, fmt.Errorf("repository %s of the plan is not in its line", r.Name)
			}
			latest := map[string]string{}
			if len(part.Editions) > 0 {
				latest = p.LatestTags
			}
			tags = append(tags, Tag{
				Pin:  Pin{Name: r.Name, URL: r.URL, Ref: "refs/tags/" + t.Tag, Commit: t.Commit, Tag: t.Tag, TagCommit: t.Commit},
				Line: *part, LatestTags: latest, Data: DataPin(&p.Line), Program: releases.Program, Stages: versions,
			})
		}
	}
	return tags, nil
}

// A TagBuild is the input of packaging one tag, when its packages are known.
type TagBuild struct {
	Tag          Tag           `json:"tag"`
	Sources      Sources       `json:"sources"`
	Dependencies Dependencies  `json:"dependencies"`
	Data         pipeline.Tree `json:"data"` // of the line's data; zero if it has none
}

// TagPackages is the result of one tag: a tree with its dists, and PackagesOfTag,
// which describes them.
type TagPackages struct {
	Repository string        `json:"repository"`
	Tag        string        `json:"tag"` // empty: zips that were not built from a tag
	Commit     string        `json:"commit"`
	Tree       pipeline.Tree `json:"tree"`
	Packages   int           `json:"packages"`
	// Notes say what of the tag is left out, or is not as it should be, and why. They need
	// not name the tag.
	Notes []releases.Note `json:"notes"`
}

// Prebuilt is the repository of packages whose zips were taken over as they are.
const Prebuilt = "prebuilt"

// Adopted is the repository of packages that others had published there before.
const Adopted = "adopted"

// PackagesOfTag is the file of a tag's tree that lists its packages: a
// []TagPackage.
const PackagesOfTag = "packages.json"

// A TagPackage is one package of a tag.
type TagPackage struct {
	Directory string             `json:"directory"` // in the repository
	Manifest  *composer.Manifest `json:"manifest"`  // as it is published
	Path      string             `json:"path"`      // of the dist
	Size      int64              `json:"size"`      // of the dist, in bytes
	SHA1      string             `json:"sha1"`
	SHA256    pipeline.Digest    `json:"sha256"`
}

// A Mirror is the input of putting tags together to a night of a mirror.
type Mirror struct {
	Plan releases.Plan `json:"plan"`
	// Tags come in the order in which they count: of two that have the same
	// version of a package, the first one's is taken.
	Tags []TagPackages `json:"tags"`
	// Index is the SHA-256 of the index of what is published: its packages are not added
	// again. Empty: only those of the nights that the plan adds to.
	Index   pipeline.Digest `json:"index"`
	Program string          `json:"program"`
	Stages  map[string]int  `json:"stages"`
}
