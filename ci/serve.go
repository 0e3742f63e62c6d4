package ci

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

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

func serve(ctx context.Context, env *factory, dir, address string) error {
	if _, err := os.Stat(filepath.Join(dir, stages.PackagesFile)); err != nil {
		return usagef("%s is not a published repository: %w; publish one with mageos-nightly nightly --to %s", dir, err, dir)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return usagef("serve %s: %w; choose another --address, or leave it out for a free port", dir, err)
	}
	server := &http.Server{Handler: publish.Handler(dir), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	base := "http://" + listener.Addr().String()
	fmt.Fprintf(env.stdout, "%s is served at %s/\n\nIn a project of yours:\n  composer config repositories.nightly composer %s\n  composer config secure-http false\n\nCtrl-C ends it.\n", dir, base, base)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
