package ci

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/stages/attest"
)

// signKeyVariable holds the signing key, or names its file.
const signKeyVariable = "NIGHTLY_SIGN_KEY"

// signFlags say by what a night is signed. A key stands in a file or in the
// environment, never in an argument, which every process of the machine can read.
type signFlags struct {
	file   string
	former []string
}

func (f *signFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "sign-key", "", "sign what is published with the private key in this file, as mageos-nightly keygen makes it (default $"+signKeyVariable+": the key, or its file)")
	cmd.Flags().StringArrayVar(&f.former, "former-key", nil, "file with the public key by which earlier snapshots of the repository were signed")
}

// attest is what is said of a night, and by whom it is signed.
func (f signFlags) attest(env *factory) (*attest.Options, error) {
	former, err := readKeys(f.former)
	if err != nil {
		return nil, err
	}
	o := &attest.Options{Builder: env.builder(), Former: former}
	name, data, err := f.read(env)
	if err != nil || data == nil {
		return o, err
	}
	if o.Key, err = attest.ParseSigningKey(data); err != nil {
		return nil, usagef("%s: it %w", name, err)
	}
	return o, nil
}

// read gives the key and where it stood; nothing without one.
func (f signFlags) read(env *factory) (name string, data []byte, err error) {
	if f.file != "" {
		data, err = files.Read(f.file, files.Small)
		if err != nil {
			return "", nil, usagef("--sign-key: %w", err)
		}
		return "--sign-key " + f.file, data, nil
	}
	value := env.getenv(signKeyVariable)
	if value == "" || bytes.Contains([]byte(value), []byte("-----BEGIN")) {
		if value != "" {
			data = []byte(value)
		}
		return signKeyVariable, data, nil
	}
	data, err = files.Read(value, files.Small)
	if err != nil {
		// What is no file may be a key in another form: it is not shown.
		return "", nil, usagef(signKeyVariable + ": holds neither a key in PEM nor the name of a file that can be read")
	}
	return signKeyVariable, data, nil
}

// builder is who runs this: a workflow of GitHub Actions by its own variables
// (https://docs.github.com/actions/reference/variables-reference), or anybody.
func (env *factory) builder() attest.Builder {
	if env.getenv("GITHUB_ACTIONS") != "true" {
		return attest.Builder{}
	}
	server := env.getenv("GITHUB_SERVER_URL") + "/"
	return attest.Builder{
		ID:         server + env.getenv("GITHUB_WORKFLOW_REF"),
		Invocation: server + env.getenv("GITHUB_REPOSITORY") + "/actions/runs/" + env.getenv("GITHUB_RUN_ID") + "/attempts/" + env.getenv("GITHUB_RUN_ATTEMPT"),
	}
}

func newKeygen(env *factory) *cobra.Command {
	return &cobra.Command{
		Use:   "keygen FILE",
		Short: "Make a key to sign snapshots with, and the public one to verify them with",
		Long: `keygen writes a new private key to FILE, readable for you alone, and the public
one to FILE.pub. Both are ed25519 keys in PEM, as openssl reads and writes them.`,
		Example: `  mageos-nightly keygen nightly.key
  mageos-nightly nightly --line nightly --sign-key nightly.key
  mageos-nightly verify ./repository --key nightly.key.pub`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			private, public, err := attest.GenerateKey(rand.Reader)
			if err != nil {
				return err
			}
			for name, data := range map[string][]byte{args[0]: private, args[0] + ".pub": public} {
				mode := os.FileMode(0o600)
				if filepath.Ext(name) == ".pub" {
					mode = 0o644
				}
				if err := writeNew(name, data, mode); err != nil {
					return usagef("keygen: %w", err)
				}
			}
			fmt.Fprintf(env.stdout, "private key  %s (keep it to yourself)\npublic key   %s.pub\n", args[0], args[0])
			return nil
		},
	}
}

// writeNew writes no key over another.
func writeNew(name string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// readKeys reads files with public keys.
func readKeys(names []string) ([]attest.PublicKey, error) {
	var keys []attest.PublicKey
	for _, name := range names {
		data, err := files.Read(name, files.Small)
		if err != nil {
			return nil, usagef("public key: %w", err)
		}
		key, err := attest.ParsePublicKey(data)
		if err != nil {
			return nil, usagef("public key %s: it %w", name, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
