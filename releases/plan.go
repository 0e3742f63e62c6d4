package releases

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/releases/config"
)

// Program is the version of this program. It stands in manifests, and is a
// constant because a version control stamp differs between ways to build.
const Program = "0.1.0"

// A Plan is one night of a release line resolved to facts: whoever has it can
// rebuild that night. It holds everything that comes over the network and
// decides bytes; no run id and no time of day.
type Plan struct {
	Format  int    `json:"format"`  // of this file: PlanFormat
	Program string `json:"program"` // that made the plan
	Line    Line   `json:"line"`    // the effective line
	// Date is the UTC day, as 2026-11-24.
	Date string `json:"date"`
	// Number is 0 for the first night of a day, 1 for the second, …
	Number       int                 `json:"number"`
	Repositories []PlannedRepository `json:"repositories"` // in the line's order
	// Replace maps an upstream package to the version that ours replaces.
	Replace map[string]string `json:"replace"`
	// LatestTags maps the URL of each require's repository to its latest tag.
	LatestTags map[string]string `json:"latest-tags"`
	// Release is set in the plan of a tagged release.
	Release *PlannedRelease `json:"release,omitempty"`
	// Preview is set in the plan of a preview.
	Preview *PlannedPreview `json:"preview,omitempty"`
	// After are the nights of the same line that this one adds to, newest first:
	// a package that one of them has is not built again. Of a line that builds tags.
	After []Continued `json:"after,omitempty"`
	// Prebuilt are the zips that are taken over as they are.
	Prebuilt []PlannedZip `json:"prebuilt,omitempty"`
	// Adopted says that nothing was built: the snapshot is what others had published in the
	// line's repository before, on Date.
	Adopted bool `json:"adopted,omitempty"`
}

// A PlannedRelease is what the plan of a tagged release has beside that of a night.
type PlannedRelease struct {
	// Version is that of the release and of all its packages.
	Version string `json:"version"`
	// Aliased are the aliases, as "magento/framework 103.0.8", that earlier releases
	// have published: a version cannot have two contents, so they are not written
	// again. In byte order.
	Aliased []string `json:"aliased"`
}

// PlanFormat is the format of plan files that this program reads and writes.
const PlanFormat = 1

// A PlannedRepository is a repository with its ref resolved.
type PlannedRepository struct {
	Name   string `json:"name"`
	URL    string `json:"url"`
	Ref    string `json:"ref"`    // full: refs/heads/main
	Commit string `json:"commit"` // 40 hexadecimal digits
	// Source is the commit that a release commit was made of, the plan's Commit; it
	// is empty where there is none.
	Source string `json:"source,omitempty"`
	// Tag is the latest release, in Adobe's order, and TagCommit the commit that
	// it stands for (not the tag object). Both are empty in a repository that
	// has no release yet.
	Tag       string `json:"tag"`
	TagCommit string `json:"tag-commit"`
	Local     bool   `json:"local"`
	// Tree is built in place of the commit: the working tree in the folder that the line
	// names, or what came of Merged.
	Tree pipeline.Tree `json:"tree,omitzero"`
	// Merged are what was merged upon the commit, one upon the other; Tree is what came of it.
	Merged []Merged `json:"merged,omitempty"`
	// Notes say which tags were left out and why.
	Notes []string `json:"notes"`
	// Tags are those to build, in their order, of a line that builds tags.
	Tags []PlannedTag `json:"tags,omitempty"`
}

// Snapshot is the name of what the plan builds.
func (p *Plan) Snapshot() SnapshotName {
	if p.Release != nil {
		return SnapshotName(p.Release.Version)
	}
	kind := Night
	switch {
	case p.Preview != nil:
		kind = Preview
	case p.Adopted:
		kind = Adoption
	case p.Line.BuildsTags():
		kind = Addition
	}
	return SnapshotName(prefixes[kind] + dayName(p.Date, p.Number))
}

// Local reports whether a source was replaced by --with.
func (p *Plan) Local() bool {
	return slices.ContainsFunc(p.Repositories, func(r PlannedRepository) bool { return r.Local })
}

// WorkTree reports whether files are built that are in no commit, as they lay in a folder.
func (p *Plan) WorkTree() bool {
	return slices.ContainsFunc(p.Repositories, func(r PlannedRepository) bool { return r.Tree.Digest != "" && len(r.Merged) == 0 })
}

// Repository gives the planned repository of that name.
func (p *Plan) Repository(name string) (PlannedRepository, bool) {
	for _, r := range p.Repositories {
		if r.Name == name {
			return r, true
		}
	}
	return PlannedRepository{}, false
}

// Summary implements pipeline.Summarizer.
func (p *Plan) Summary() string {
	repositories := markdown.Count(len(p.Repositories), "repository")
	if p.Line.BuildsTags() {
		return fmt.Sprintf("%s of %s: %s, tags and zips to add: %d", p.Snapshot(), p.Line.Name, repositories, p.Pending())
	}
	return fmt.Sprintf("%s of %s: %s", p.Snapshot(), p.Line.Name, repositories)
}

// Encode writes the plan as a file: indented, its maps in byte order, so that the
// same plan is the same file.
func (p *Plan) Encode() ([]byte, error) { return pipeline.EncodeJSON(p, "  ") }

// ParsePlan reads a plan file, strictly: an unknown key, another format, or a
// value that no plan has is a *config.Error that names all that is wrong.
func ParsePlan(data []byte) (*Plan, error) {
	var p Plan
	if err := decodeFile("plan", PlanFormat, data, &p, &p.Format); err != nil {
		return nil, err
	}
	if err := p.Validate(); err != nil {
		return nil, config.Errorf("plan: %w; make it anew with the command plan", err)
	}
	return &p, nil
}

// Validate says all that is wrong with a plan, but for its line: who builds a plan that
// comes from elsewhere has that checked by the package lines.
func (p *Plan) Validate() error {
	problems := []error{checkDay(p.Date, p.Number), p.checkRelease(), p.checkPreview()}
	if len(p.Repositories) != len(p.Line.Repositories) {
		problems = append(problems, fmt.Errorf("%d repositories, but its line has %d", len(p.Repositories), len(p.Line.Repositories)))
	}
	for i, r := range p.Repositories {
		if i < len(p.Line.Repositories) && r.Name != p.Line.Repositories[i].Name {
			problems = append(problems, fmt.Errorf("repository %q stands where its line has %q", r.Name, p.Line.Repositories[i].Name))
		}
		if err := r.check(); err != nil {
			problems = append(problems, fmt.Errorf("repository %q: %w", r.Name, err))
		}
	}
	return errors.Join(problems...)
}

// checkRelease says what is wrong with what makes the plan one of a release.
func (p *Plan) checkRelease() error {
	switch {
	case p.Release == nil && !p.Line.IsRelease():
		return nil
	case p.Release == nil:
		return fmt.Errorf("line %s makes tagged releases, and no version is given; use the command release", p.Line.Name)
	case !p.Line.IsRelease():
		return fmt.Errorf("it is of release %s, but its line makes nights", p.Release.Version)
	}
	_, err := ParseReleaseVersion(p.Release.Version)
	return err
}

// hexSHA1 is a SHA-1, which is what names a commit.
var hexSHA1 = regexp.MustCompile(`^[0-9a-f]{40}$`)

func (r PlannedRepository) check() error {
	var problems []error
	if r.URL == "" || r.Ref == "" {
		problems = append(problems, errors.New("has no URL or no ref"))
	}
	if !hexSHA1.MatchString(r.Commit) {
		problems = append(problems, fmt.Errorf("commit %.50q: want 40 hexadecimal digits", r.Commit))
	}
	if r.Source != "" && !hexSHA1.MatchString(r.Source) {
		problems = append(problems, fmt.Errorf("source %.50q: want 40 hexadecimal digits", r.Source))
	}
	if r.Tree.Digest != "" {
		problems = append(problems, r.Tree.Digest.Valid())
	}
	for _, m := range r.Merged {
		if m.URL == "" || m.Ref == "" || m.Title == "" || !hexSHA1.MatchString(m.Commit) {
			problems = append(problems, fmt.Errorf("%q is merged with URL %q, ref %q and commit %.50q: want all of them, the commit as 40 hexadecimal digits", m.Title, m.URL, m.Ref, m.Commit))
		}
	}
	switch {
	case (r.Tag == "") != (r.TagCommit == ""):
		problems = append(problems, errors.New("has a tag without its commit, or the commit without its tag"))
	case r.TagCommit != "" && !hexSHA1.MatchString(r.TagCommit):
		problems = append(problems, fmt.Errorf("commit %.50q of tag %s: want 40 hexadecimal digits", r.TagCommit, r.Tag))
	}
	for _, t := range r.Tags {
		if t.Tag == "" || !hexSHA1.MatchString(t.Commit) {
			problems = append(problems, fmt.Errorf("tag %q with commit %.50q: want a name and 40 hexadecimal digits", t.Tag, t.Commit))
		}
	}
	return errors.Join(problems...)
}

// Pending is how many tags, zips, and directories of zips the plan adds.
func (p *Plan) Pending() int {
	n := len(p.Prebuilt)
	for _, from := range p.Line.Prebuilt {
		if from.Directory != "" {
			n++
		}
	}
	for _, r := range p.Repositories {
		n += len(r.Tags)
	}
	return n
}
