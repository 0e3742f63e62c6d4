package monitor

import (
	"testing"

	"github.com/mage-os/nightly/releases"
)

func TestPreviewAnswer(t *testing.T) {
	m := &releases.Manifest{
		Snapshot: "preview-2026-11-24",
		Packages: []releases.ManifestPackage{
			{Name: "acme/base", Repository: "shop", Directory: "."}, {Name: "acme/cart", Repository: "shop", Directory: "app/Cart"},
			{Name: "acme/cart-more", Repository: "shop", Directory: "app/CartMore"}, {Name: "acme/other", Repository: "other", Directory: "app/Cart"},
		},
		Plan: releases.Plan{
			Preview: &releases.PlannedPreview{Label: "pr7", Until: "2026-12-01"},
			Repositories: []releases.PlannedRepository{{Name: "shop", Merged: []releases.Merged{
				{Title: "acme/shop#7", Commit: "abababababab", Files: []string{"README.md", "app/Cart/a.php", "app/Cart/b.php"}},
				{Title: "eve/shop@[x](y) @ada", Commit: "cdcdcdcdcdcd", Files: []string{"README.md"}},
			}}},
		},
	}
	want := "**Green**: [preview preview-2026-11-24](https://p.example.org/7/), a preview of acme/shop#7 at ababababab, eve/shop@\\[x](y) @ada at cdcdcdcdcd; no night, ends on 2026-12-01. Its page has the commands to install it.\n" +
		"\n- acme/shop#7 changes 3 files in `acme/cart`\n- eve/shop@\\[x](y) @ada changes 1 file\n\n[All of the run](https://run)"
	if got := PreviewAnswer(m, "https://p.example.org/7/", nil, "https://run"); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	want = "**Red**: there is no preview; job prove failed\n\n[All of the run](https://run)"
	if got := PreviewAnswer(nil, "", []string{"job prove failed"}, "https://run"); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
