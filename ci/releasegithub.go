package ci

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/releases/github"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// The assets of a release on GitHub that are made for it; the others are the files
// of its folder at the target.
const (
	checksumsFile = "SHA256SUMS"
	notesFile     = "release-notes.md"
)

// maxNotes bounds the text of a release on GitHub, in characters, below what GitHub
// takes; all of it is in notesFile.
const maxNotes = 100_000

// githubClient is the API of the GitHub that the environment names, and the token
// that opens it: as for the history, but somebody wants this done, so it waits.
func (w *world) githubClient(c *chain) (*github.Client, error) {
	o := github.Options{Token: github.NewToken(w.token("github.com")), Wait: w.wait, Log: c.log}
	if api := strings.TrimRight(w.getenv("GITHUB_API_URL"), "/"); api != "" && api != "https://api.github.com" {
		o.BaseURL, o.Token = api+"/", github.NewToken(w.getenv("GH_ENTERPRISE_TOKEN"))
	}
	return github.New(o)
}

// githubPlace is the repository on GitHub that gets the release; why says why there is
// none.
func (r *releasing) githubPlace(client *github.Client) (place github.Repository, why string, err error) {
	if r.flags.github == "none" {
		return place, "--github none", nil
	}
	if r.flags.github != "" {
		owner, name, ok := strings.Cut(r.flags.github, "/")
		if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
			return place, "", &usageError{fmt.Errorf("--github %s: want OWNER/NAME, or none", r.flags.github)}
		}
		return github.Repository{Owner: owner, Name: name}, "", nil
	}
	main, _ := r.plan.Repository(mainRepository(&r.plan.Line))
	place, err = client.Repository(main.URL)
	if err != nil {
		return place, err.Error() + "; name one with --github OWNER/NAME", nil
	}
	return place, "", nil
}

// githubRelease drafts the release on GitHub, with all that belongs to it, and with
// --public publishes it. One that is there is completed.
func (r *releasing) githubRelease(ctx context.Context) error {
	r.show.report(pipeline.Report{Stage: "github", State: pipeline.Started})
	client, err := r.world.githubClient(r.chain)
	if err != nil {
		return &usageError{fmt.Errorf("GITHUB_API_URL: %w", err)}
	}
	place, why, err := r.githubPlace(client)
	if err != nil {
		return err
	}
	if why != "" {
		r.show.report(pipeline.Report{Stage: "github", State: pipeline.Skipped, Detail: why})
		return nil
	}
	made, err := r.draft(ctx, client, place)
	if err != nil {
		return r.refused("github", fmt.Errorf("%w\nthe packages are published and the tags are written; the same command goes on", err))
	}
	state := "published"
	if made.Draft {
		state = "draft"
	}
	r.show.report(pipeline.Report{Stage: "github", State: pipeline.Done, Detail: fmt.Sprintf("%s, %d assets: %s", state, len(made.Assets), made.URL)})
	return nil
}

func (r *releasing) draft(ctx context.Context, client *github.Client, place github.Repository) (github.Release, error) {
	notes, files, latest, err := r.attachments(ctx)
	if err != nil {
		return github.Release{}, err
	}
	main, _ := r.plan.Repository(mainRepository(&r.plan.Line))
	want := github.Wanted{
		Tag: r.version.String(), Target: main.Commit, Name: r.plan.Line.Title + " " + r.version.String(),
		Body: shortened(notes), Prerelease: r.version.IsPrerelease(),
	}
	there, err := client.FindRelease(ctx, place, want.Tag)
	switch {
	case err == nil: // somebody may have worked on the notes
		want.Name, want.Body = there.Name, there.Body
	case !errors.Is(err, github.ErrNotFound):
		return github.Release{}, err
	}
	made, err := client.EnsureRelease(ctx, place, want)
	if err != nil {
		return made, err
	}
	r.log.Info("written", "stage", "github", "release", made.Tag, "in", place.String())
	if made, err = client.Upload(ctx, place, made, files); err != nil || !r.flags.public {
		return made, err
	}
	return client.Publish(ctx, place, made, main.Commit, latest)
}

// attachments are the notes of the release and its assets, read from the target;
// latest says that no release there is above it.
func (r *releasing) attachments(ctx context.Context) (notes string, files []github.File, latest bool, err error) {
	t, err := target.Open(ctx, r.order().to, r.world.targets())
	if err != nil {
		return "", nil, false, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	repository := publish.Read(t)
	manifest, _, err := repository.Manifest(ctx, r.version.String())
	if err != nil {
		return "", nil, false, err
	}
	names, err := repository.Snapshots(ctx)
	if err != nil {
		return "", nil, false, err
	}
	if notes, err = r.notes(ctx, repository, names, manifest); err != nil {
		return "", nil, false, err
	}
	contents, err := publish.Files(ctx, t, r.version.String())
	if err != nil {
		return "", nil, false, err
	}
	contents[notesFile] = []byte(notes)
	contents[checksumsFile] = checksums(manifest, contents)
	return notes, assets(contents), len(names) > 0 && names[0] == r.version.String(), nil
}

// notes tell what is new since the release before, at the target.
func (r *releasing) notes(ctx context.Context, repository publish.Repository, names []string, after *releases.Manifest) (string, error) {
	head := fmt.Sprintf("%s %s: %d packages.\n\n```\ncomposer create-project --repository-url=%s %s <folder> %s\n```\n",
		after.Plan.Line.Title, r.version, len(after.Packages), after.Plan.Line.URL, projectName(after), r.version)
	if u := after.Plan.Line.Upstream; u != nil {
		head += fmt.Sprintf("\nIts packages replace those of %s %s.\n", u.Package, u.Version)
	}
	name := r.version.Before(names)
	if name == "" {
		return head + "\nThere is no release before it to compare with.\n", nil
	}
	before, _, err := repository.Manifest(ctx, name)
	if err != nil {
		return "", err
	}
	history, err := r.history()
	if err != nil {
		return "", err
	}
	comparison, err := compare.Manifests(ctx, before, after, history)
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
	return cut[:strings.LastIndexByte(cut, '\n')+1] + "\n… the rest is in " + notesFile + ".\n"
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
		sum := sha256.Sum256(data)
		sums[name] = hex.EncodeToString(sum[:])
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

// showPlanned tells what a dry run would have written beside the packages.
func (r *releasing) showPlanned(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	client, err := r.world.githubClient(r.chain)
	if err != nil {
		return &usageError{fmt.Errorf("GITHUB_API_URL: %w", err)}
	}
	place, why, err := r.githubPlace(client)
	if err != nil {
		return err
	}
	version := r.version.String()
	r.show.finish()
	r.difference()
	out := r.world.stdout
	if r.world.json {
		r.show.writeJSON(map[string]any{"event": "release", "version": version, "repositories": r.plan.Repositories, "github": place.String(), "dry-run": true})
		return nil
	}
	for _, p := range r.plan.Repositories {
		fmt.Fprintf(out, "+ %s: commit %.12s on %s, tag %s  %s\n", p.Name, p.Commit, releaseBranch(version), version, plainURL(p.URL))
	}
	if why != "" {
		fmt.Fprintf(out, "  no release on GitHub: %s\n", why)
		return nil
	}
	fmt.Fprintf(out, "+ release %s of %s on GitHub, as a draft\n", version, place)
	return nil
}

// plainURL is a URL without its user.
func plainURL(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address
	}
	u.User = nil
	return u.String()
}

// summary says where the release is.
func (r *releasing) summary() {
	o := r.order()
	if r.world.json || r.plan == nil {
		return
	}
	w := r.world.stdout
	version := r.version.String()
	switch {
	case r.flags.dryRun:
		fmt.Fprintf(w, "\nNothing was written. %s %s would be published to %s\n", r.plan.Line.Title, version, o.to)
	case r.flags.preview:
		fmt.Fprintf(w, "\nPreview  %s\nTry it   mageos-nightly serve %s\nRelease  mageos-nightly release %s --promote --preview-to %s --to %s\n", o.to, o.to, version, o.to, r.flags.to)
	default:
		fmt.Fprintf(w, "\n%s %s is released: %s\n", r.plan.Line.Title, version, o.to)
	}
}
