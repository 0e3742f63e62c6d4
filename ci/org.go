package ci

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/github"
	"github.com/mage-os/nightly/releases/organization"
	"github.com/mage-os/nightly/stages/publish/target"
)

// orgFlags are the flags of mageos-nightly org.
type orgFlags struct {
	list, name, output string
	result             resultFlags
	schema, declared   bool
}

func newOrg(env *factory) *cobra.Command {
	var f orgFlags
	cmd := &cobra.Command{
		Use:   "org",
		Short: "Compare the organization's repositories and permissions with the declared list",
		Long: `org works with the list of what a GitHub organization has: people, teams,
repositories, and who may do what in them. None of its commands changes anything on
GitHub. It reads with GITHUB_TOKEN, or for an Enterprise Server with
GH_ENTERPRISE_TOKEN; docs/organization.md says which rights that needs.`,
		Example: `  mageos-nightly org export --output releases/organization/organization.yaml  bring the list up to date
  mageos-nightly org plan                                                    what differs
  mageos-nightly org terraform --output organization.tf                      the list as configuration for OpenTofu
  mageos-nightly org --schema > organization.schema.json                     the JSON Schema of the list, for editors`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.schema {
				return writeOut(env.stdout, organization.Schema())
			}
			return cmd.Help()
		},
	}
	cmd.Flags().BoolVar(&f.schema, "schema", false, "write the JSON Schema of the list")
	cmd.PersistentFlags().StringVar(&f.list, "list", "", "file with the list (default: releases/organization/organization.yaml, as this program carries it)")
	cmd.AddCommand(newOrgExport(env, &f), newOrgPlan(env, &f), newOrgTerraform(env, &f))
	return cmd
}

func newOrgExport(env *factory, f *orgFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the list as GitHub has it",
		Long: `export reads GitHub and writes the list so that it agrees. What GitHub does not
know stays as the list has it: roles, lines, and which branches and files a repository
must have. What the token may not read stays, too, and is named.`,
		Example: `  mageos-nightly org export                                                  to standard output
  mageos-nightly org export --output releases/organization/organization.yaml  in place
  mageos-nightly org export --declared                                       as its own Terraform has it
  mageos-nightly org export --organization acme                              the first list of another organization`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return orgExport(cmd.Context(), env, f) },
	}
	cmd.Flags().BoolVar(&f.declared, "declared", false, "take the configuration that the list names under applied-by for GitHub; no token is needed")
	cmd.Flags().StringVar(&f.output, "output", "", "file to write (default: standard output)")
	cmd.Flags().StringVar(&f.name, "organization", "", "begin a list for this organization of github.com; --list is then not read")
	return cmd
}

func newOrgPlan(env *factory, f *orgFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what differs between the list and GitHub",
		Long: `plan shows what differs, by repository. The exit code is 0 if nothing does, 9 if
something does, and 3 if nothing that could be read differs but the token may not read
all.`,
		Example: `  mageos-nightly org plan
  mageos-nightly org plan --format markdown >> "$GITHUB_STEP_SUMMARY"
  mageos-nightly org plan --format json --output differences.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return orgPlan(cmd.Context(), env, f)
		},
	}
	env.addResult(cmd, &f.result, "text", "markdown", "json")
	return cmd
}

func newOrgTerraform(env *factory, f *orgFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "terraform",
		Short: "Write the list as configuration for OpenTofu or Terraform",
		Long: `terraform writes the list for the GitHub provider. Every resource is imported
before it is changed, none is destroyed while it stands in the configuration, and what
the list does not hold is left as it is. It asks nothing of GitHub.`,
		Example: `  mageos-nightly org terraform --output organization.tf
  tofu plan`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return orgTerraform(env, f) },
	}
	cmd.Flags().StringVar(&f.output, "output", "", "file to write (default: standard output)")
	return cmd
}

// organizationOf is the list that the flags name.
func (f *orgFlags) organizationOf() (*organization.List, error) {
	if f.name == "" {
		return organization.Load(f.list)
	}
	if f.list != "" {
		return nil, usagef("--organization begins a list, and --list names one; give one of them")
	}
	return organization.Parse("--organization", []byte("name: "+f.name+"\nrepositories: []\n"))
}

// read asks GitHub, or the configuration that changes it.
func (f *orgFlags) read(ctx context.Context, env *factory, list *organization.List) (*organization.Reading, error) {
	if !f.declared {
		return readOrganization(ctx, env, list)
	}
	if list.AppliedBy == "" {
		return nil, usagef("--declared: the list does not say under applied-by where that is")
	}
	source, closeSource, err := env.openSource(ctx, list.AppliedBy)
	if err != nil {
		return nil, usagef("applied-by %s: %w", list.AppliedBy, err)
	}
	defer func() { _ = closeSource() }() // it was only read
	text, err := target.Read(ctx, source, organization.VariablesFile)
	if err != nil {
		return nil, &releases.SourceError{Repository: "applied-by", URL: list.AppliedBy, Err: err}
	}
	reading, err := organization.Declared(list, text)
	if err != nil {
		return nil, usagef("%w", err)
	}
	return reading, nil
}

// readOrganization asks GitHub.
func readOrganization(ctx context.Context, env *factory, list *organization.List) (*organization.Reading, error) {
	at, err := url.Parse(list.URL)
	if err != nil {
		return nil, err
	}
	servers := env.client(env.logger(env.stderr))
	o := github.Options{Token: servers.TokenFor(at.Host), Policy: servers.Policy}
	if at.Host != "github.com" {
		o.BaseURL, o.Token = list.URL+"api/v3/", remote.NewToken(env.getenv("GH_ENTERPRISE_TOKEN"))
	}
	if o.Token.IsZero() {
		return nil, usagef("no token for %s: set GITHUB_TOKEN (for an Enterprise Server GH_ENTERPRISE_TOKEN); "+
			"docs/organization.md says which rights it needs", at.Host)
	}
	client, err := github.New(o)
	if err != nil {
		return nil, usagef("%w", err)
	}
	reading, err := client.ReadOrganization(ctx, list)
	if err != nil && ctx.Err() == nil {
		return nil, &releases.SourceError{Repository: list.Name, URL: list.URL, Err: err}
	}
	return reading, err
}

func orgExport(ctx context.Context, env *factory, f *orgFlags) error {
	list, err := f.organizationOf()
	if err != nil {
		return err
	}
	reading, err := f.read(ctx, env, list)
	if err != nil {
		return err
	}
	merged := organization.Merge(list, reading)
	data, err := merged.YAML("What the organization has on GitHub, and who may do what in it. mageos-nightly org export brings it up to date;\n" +
		"docs/organization.md says what it holds.")
	if err != nil {
		return err
	}
	if err := env.writeTo(f.output, data); err != nil {
		return err
	}
	fmt.Fprintf(env.stderr, "%d people, %d teams, %d repositories, read with %d requests\n",
		len(merged.People), len(merged.Teams), len(merged.Repositories), reading.Calls)
	for _, u := range reading.Unknown {
		fmt.Fprintf(env.stderr, "not known, left as the list has it: %s\n", organization.UnknownText(u))
	}
	for _, d := range organization.Compare(merged, reading).Differences {
		fmt.Fprintf(env.stderr, "still differs: %s: %s\n", d.Repository, d.Message())
	}
	return nil
}

func orgPlan(ctx context.Context, env *factory, f *orgFlags) error {
	list, err := f.organizationOf()
	if err != nil {
		return err
	}
	reading, err := readOrganization(ctx, env, list)
	if err != nil {
		return err
	}
	plan := organization.Compare(list, reading)
	err = env.write(plan, f.result.format)
	switch {
	case err != nil:
		return err
	case len(plan.Differences) > 0:
		return coded(exitDiffers, "%s; change GitHub by hand or with org terraform, or the list with org export", plan.Summary())
	case len(plan.Unknown) > 0:
		return &releases.SourceError{Repository: list.Name, URL: list.URL, Err: errors.New(plan.Summary() +
			"; give a token with the rights that docs/organization.md lists")}
	}
	return nil
}

func orgTerraform(env *factory, f *orgFlags) error {
	list, err := f.organizationOf()
	if err != nil {
		return err
	}
	configuration, err := organization.Terraform(list)
	if err != nil {
		return err
	}
	if err := env.writeTo(f.output, configuration.HCL); err != nil {
		return err
	}
	for _, left := range slices.Compact(configuration.Left) {
		fmt.Fprintln(env.stderr, left)
	}
	return nil
}
