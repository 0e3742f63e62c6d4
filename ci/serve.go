package ci

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish"
)

func newServe(env *factory) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "serve FOLDER",
		Short: "Serve a published folder, so that Composer can install from it",
		Example: `  mageos-nightly serve ./repository
  mageos-nightly serve ./repository --address 127.0.0.1:8080`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return serve(cmd.Context(), env, args[0], address)
		},
	}
	cmd.Flags().StringVar(&address, "address", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	return cmd
}

// isPublished fails where a folder has no repository.
func isPublished(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, stages.PackagesFile)); err != nil {
		return usagef("%s is not a published repository: %w; publish one with mageos-nightly nightly --to %s", dir, err, dir)
	}
	return nil
}

func serve(ctx context.Context, env *factory, dir, address string) error {
	if err := isPublished(dir); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return usagef("serve %s: %w; choose another --address, or leave it out for a free port", dir, err)
	}
	server := &http.Server{Handler: gzhttp.GzipHandler(publish.Handler(dir)), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	base := "http://" + listener.Addr().String() + "/"
	fmt.Fprintf(env.stdout, "%s is served at %s until Ctrl-C. In a folder of yours:\n\n%s\n", dir, base, howTo(ctx, env, dir, base))
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// howTo are the commands that make a shop of a repository that is served at a base URL.
func howTo(ctx context.Context, env *factory, dir, base string) string {
	use := "composer config secure-http false\ncomposer config repositories.nightly composer " + base + "\n"
	found, err := openSnapshot(ctx, env, dir, named(""))
	if err != nil || found.Manifest.Plan.Line.Project() == "" {
		return use
	}
	defer func() { _ = found.close() }() // it was only read
	line := &found.Manifest.Plan.Line
	project := line.Vendor + "/" + line.Project()
	at := slices.IndexFunc(found.Manifest.Packages, func(p releases.ManifestPackage) bool { return p.Name == project })
	if at < 0 {
		return use
	}
	number := found.Manifest.Packages[at].Version
	version, err := composer.ParseVersion(number)
	if err != nil {
		return use
	}
	store, err := env.storePath()
	if err != nil {
		return use
	}
	// Composer refuses http:// unless it is told twice, and the project names where it is published for all.
	text := fmt.Sprintf("composer create-project --no-install --no-secure-http --stability=%s --repository=%s %s shop %s\ncd shop\n%s",
		version.Stability(), base, project, number, "composer config --unset repositories\n"+use)
	for i, third := range line.Composer {
		address := third.URL
		if _, embedded := releases.IsEmbedded(address); embedded {
			if address, err = runner.Embedded(filepath.Join(store, "embedded"))(address); err != nil {
				return use
			}
			address = "file://" + address
		}
		text += fmt.Sprintf("composer config repositories.third-%d composer %s\n", i+1, address)
	}
	if len(line.Composer) > 0 {
		text += "composer config repositories.packagist.org false\n"
	}
	return text + "composer install\n"
}
