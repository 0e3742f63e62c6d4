package ci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// adoptFlags are the flags of the command adopt.
type adoptFlags struct {
	line, url    string
	dryRun, undo bool
	leaveOut     bool
	sign         signFlags
}

func newAdopt(env *factory) *cobra.Command {
	var f adoptFlags
	cmd := &cobra.Command{
		Use:   "adopt TARGET|URL",
		Short: "Take over a repository that satis, or another program, has published",
		Long: `adopt takes over a Composer repository of satis, or of the generator that Mage-OS had
before, where it lies: a folder, sftp://user@host/folder or s3://bucket/folder. Every
version stays under its URL, byte for byte, and is resolved with what is published
later; a composer.lock of before installs as before. Only packages.json and
index.html are written anew.

Each zip is read and compared with its checksum. What is missing or damaged is named,
and nothing is changed, unless --leave-out-damaged leaves those versions out. What
Composer could not read is left out, with a note.

--dry-run shows all of it and changes nothing; with the URL of a repository on the web
it is a look from outside. Until the first publish --undo gives everything back.`,
		Example: `  mageos-nightly adopt ./html --url https://nightly.example.org/ --dry-run
  mageos-nightly adopt sftp://nightly@example.org/var/www/html --line nightly
  mageos-nightly adopt https://repo.example.org/ --dry-run
  mageos-nightly adopt ./html --undo`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if isWeb(args[0]) && (f.undo || !f.dryRun) {
				return usagef("%s can be read, not written to: look at it with --dry-run, or give the folder or bucket from which it is served, and --url %[1]s", args[0])
			}
			return runAdopt(cmd.Context(), env, f, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.line, "line", "nightly", "release line that will be published there: its title and URL")
	flags.StringVar(&f.url, "url", "", "base URL under which the repository is served (default: the line's, or URL)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would be taken over, and change nothing")
	flags.BoolVar(&f.undo, "undo", false, "give the repository back as it was; after the first publish it is too late")
	flags.BoolVar(&f.leaveOut, "leave-out-damaged", false, "leave out versions whose zip is missing, or is not what its checksum says")
	f.sign.add(cmd)
	return cmd
}

func runAdopt(ctx context.Context, env *factory, f adoptFlags, at string) error {
	line, err := lines.Load(f.line)
	if err != nil {
		return err
	}
	authority, err := f.sign.authority(env)
	if err != nil {
		return err
	}
	show := env.display()
	o := publish.Options{
		Owner: owner(), Now: env.now().UTC(), Target: env.targets(), Trust: authority, Log: env.logger(env.stderr), Progress: show.Step,
	}
	if f.dryRun {
		o.Changed = show.Changed
	}
	if f.undo {
		p, err := o.Unadopt(ctx, at, f.dryRun)
		return show.Undone(p, err)
	}
	a := publish.Adoption{To: at, URL: cmp.Or(f.url, line.URL), Title: line.Title, LeaveOut: f.leaveOut, DryRun: f.dryRun}
	found, err := f.adopt(ctx, o, a)
	show.Finish()
	if errors.Is(err, publish.ErrAdopted) {
		_, err = fmt.Fprintf(env.stdout, "%s: %v; nothing to do\n", at, err)
		return err
	}
	if err != nil {
		return &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	if env.json {
		show.Event(map[string]any{"event": "adoption", "adoption": found})
	} else {
		printAdopted(env.stdout, found)
	}
	if found.Publication == nil {
		return nil
	}
	return show.Target(*found.Publication, nil)
}

// adopt takes a target over, or looks at a repository on the web.
func (f adoptFlags) adopt(ctx context.Context, o publish.Options, a publish.Adoption) (publish.Adopted, error) {
	if !isWeb(a.To) {
		return o.Adopt(ctx, a)
	}
	source, err := target.OpenWeb(a.To, newClient())
	if err != nil {
		return publish.Adopted{}, err
	}
	a.URL = cmp.Or(f.url, a.To)
	return o.LookAtAdoption(ctx, source, a)
}

// printAdopted says what was taken over, and what was not.
func printAdopted(out io.Writer, a publish.Adopted) {
	fmt.Fprintf(out, "%s: %s, %s, %s of %s, all as their checksums say", a.Snapshot.Title(), markdown.Count(a.Packages, "package"), markdown.Count(a.Versions, "version"), markdown.Count(a.Dists, "dist"), display.Bytes(a.Bytes))
	if a.Unchecked > 0 {
		fmt.Fprintf(out, " but %d, which have none", a.Unchecked)
	}
	fmt.Fprintf(out, "\n%s beside them, left where they lie\n", markdown.Count(a.Kept, "file"))
	for _, host := range slices.Sorted(maps.Keys(a.Elsewhere)) {
		where := "whose dist is at " + host + ": it is not read, and stays there"
		if host == "" {
			where = "without a dist"
		}
		fmt.Fprintf(out, "%s %s\n", markdown.Count(a.Elsewhere[host], "version"), markdown.Printable(where))
	}
	for _, key := range slices.Sorted(maps.Keys(a.Dropped)) {
		fmt.Fprintf(out, "%s without the key %s, which this program does not write\n", markdown.Count(a.Dropped[key], "version"), markdown.Printable(key))
	}
	for _, note := range a.Notes {
		fmt.Fprintln(out, markdown.Indented(note.String()))
	}
	if len(a.Replaced) > 0 {
		fmt.Fprintf(out, "written anew: %s; %s/before/ has what they were\n", strings.Join(a.Replaced, ", "), a.Snapshot.Dir())
	}
}
