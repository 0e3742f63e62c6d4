package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/github"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// The assets of a release on GitHub that are made for it; the others are the files
// of its folder at the target.
const (
	ChecksumsFile = "SHA256SUMS"
	NotesFile     = "release-notes.md"
)

// maxNotes bounds the text of a release on GitHub, in characters, below what GitHub
// takes; all of it is in NotesFile.
const maxNotes = 100_000

// A Repository is the one on GitHub that gets the release: OWNER/NAME, NoRepository, or
// empty for that of the editions.
type Repository string

// NoRepository makes no release on GitHub.
const NoRepository Repository = "none"

// place is the repository on GitHub that gets the release; why says why there is none.
func (r *releasing) place(plan *releases.Plan) (place github.Repository, why string, err error) {
	switch r.Repository {
	case NoRepository:
		return place, "--github none", nil
	case "":
		main, _ := plan.Repository(mainRepository(&plan.Line))
		if place, err = r.Client.Repository(main.URL); err != nil {
			return place, err.Error() + "; name one with --github OWNER/NAME", nil
		}
		return place, "", nil
	}
	owner, name, ok := strings.Cut(string(r.Repository), "/")
	if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return place, "", config.Errorf("--github %s: want OWNER/NAME, or none", r.Repository)
	}
	return github.Repository{Owner: owner, Name: name}, "", nil
}

// release drafts the release on GitHub, with all that belongs to it, and publishes it if
// that is asked for. One that is there is completed.
func (r *releasing) release(ctx context.Context, made Result) error {
	return pipeline.Do(ctx, r.Session(), GitHubStep, func(ctx context.Context) (string, error) {
		if made.Why != "" {
			return "", &pipeline.SkipError{Reason: made.Why}
		}
		there, err := r.draft(ctx, made.Plan, made.Place)
		if err != nil {
			return "", fmt.Errorf("%w\nthe packages are published and the tags are written; the same command goes on", err)
		}
		state := "published"
		if there.Draft {
			state = "draft"
		}
		return fmt.Sprintf("%s, %d assets: %s", state, len(there.Assets), there.URL), nil
	})
}

func (r *releasing) draft(ctx context.Context, plan *releases.Plan, place github.Repository) (github.Release, error) {
	notes, files, latest, err := r.attachments(ctx)
	if err != nil {
		return github.Release{}, err
	}
	main, _ := plan.Repository(mainRepository(&plan.Line))
	want := github.Wanted{
		Tag: r.Version.String(), Target: main.Commit, Name: plan.Line.Title + " " + r.Version.String(),
		Body: shortened(notes), Prerelease: r.Version.IsPrerelease(),
	}
	there, err := r.Client.FindRelease(ctx, place, want.Tag)
	switch {
	case err == nil: // somebody may have worked on the notes
		want.Name, want.Body = there.Name, there.Body
	case !errors.Is(err, github.ErrNotFound):
		return github.Release{}, err
	}
	made, err := r.Client.EnsureRelease(ctx, place, want)
	if err != nil {
		return made, err
	}
	r.Log.Info("written", "stage", GitHubStep, "release", made.Tag, "in", place.String())
	if made, err = r.Client.Upload(ctx, place, made, files); err != nil || !r.Public {
		return made, err
	}
	return r.Client.Publish(ctx, place, made, main.Commit, latest)
}

// attachments are the notes of the release and its assets, read from the target;
// latest says that no release there is above it.
func (r *releasing) attachments(ctx context.Context) (notes string, files []github.File, latest bool, err error) {
	err = target.With(ctx, r.Night.Publish.To, r.Night.Publish.Publisher.Target, func(t target.Target) error {
		repository := publish.Read(t)
		manifest, _, err := repository.Manifest(ctx, r.name())
		if err != nil {
			return err
		}
		names, err := repository.Snapshots(ctx)
		if err != nil {
			return err
		}
		if notes, err = r.notes(ctx, repository, names, manifest); err != nil {
			return err
		}
		contents, err := publish.Files(ctx, t, r.name())
		if err != nil {
			return err
		}
		contents[NotesFile] = []byte(notes)
		contents[ChecksumsFile] = checksums(manifest, contents)
		files, latest = assets(contents), len(names) > 0 && names[0] == r.name()
		return nil
	})
	return notes, files, latest, err
}

// notes tell what is new since the release before, at the target.
func (r *releasing) notes(ctx context.Context, repository publish.Repository, names []releases.SnapshotName, after *releases.Manifest) (string, error) {
	head := fmt.Sprintf("%s %s: %d packages.\n\n```\ncomposer create-project --repository-url=%s %s <folder> %s\n```\n",
		after.Plan.Line.Title, r.Version, len(after.Packages), after.Plan.Line.URL, projectName(after), r.Version)
	if u := after.Plan.Line.Upstream; u != nil {
		head += fmt.Sprintf("\nIts packages replace those of %s %s.\n", u.Package, u.Version)
	}
	versions := make([]string, len(names))
	for i, n := range names {
		versions[i] = string(n)
	}
	name := releases.SnapshotName(r.Version.Before(versions))
	if name == "" {
		return head + "\nThere is no release before it to compare with.\n", nil
	}
	before, _, err := repository.Manifest(ctx, name)
	if err != nil {
		return "", err
	}
	comparison, err := compare.Manifests(ctx, before, after, r.Night.Publish.Publisher.History)
	if err != nil {
		return "", err
	}
	return head + "\n" + string(comparison.Markdown()), nil
}

// projectName is the package that people create a shop from.
func projectName(m *releases.Manifest) string {
	for _, p := range m.Packages {
		if p.Type == string(stages.Project) && strings.HasSuffix(p.Name, "/"+m.Plan.Line.Install.Project) {
			return p.Name
		}
	}
	return m.Plan.Line.Vendor + "/" + m.Plan.Line.Install.Project
}

// shortened cuts notes at the end of a line where they are too long for GitHub.
func shortened(notes string) string {
	runes := []rune(notes)
	if len(runes) <= maxNotes {
		return notes
	}
	cut := string(runes[:maxNotes])
	return cut[:strings.LastIndexByte(cut, '\n')+1] + "\n… the rest is in " + NotesFile + ".\n"
}

// checksums are those of all packages and assets, as sha256sum writes and reads them.
func checksums(m *releases.Manifest, contents map[string][]byte) []byte {
	sums := map[string]string{}
	for _, p := range m.Packages {
		if p.Dist != nil {
			sums[p.Dist.Path] = string(p.Dist.SHA256)
		}
	}
	for name, data := range contents {
		sums[name] = string(pipeline.DigestOf(data))
	}
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&b, "%s  %s\n", sums[name], name)
	}
	return b.Bytes()
}

func assets(contents map[string][]byte) []github.File {
	var files []github.File
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		data := contents[name]
		files = append(files, github.File{
			Name: name, ContentType: stages.ContentType(name),
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		})
	}
	return files
}
