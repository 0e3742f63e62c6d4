package scan

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline"
)

// BenchmarkFiles reads all files of NIGHTLY_SOURCES/magento2, and of a generated
// tree. "files/s" counts the files that were understood.
func BenchmarkFiles(b *testing.B) {
	s := openStore(b)
	b.Run("generated", func(b *testing.B) {
		files := make([]pipeline.File, 0, 6_000)
		for i := range cap(files) / 3 {
			files = append(files,
				add(b, s, fmt.Sprintf("Model/Model%d.php", i), generatedClass(i)),
				add(b, s, fmt.Sprintf("etc/di%d.xml", i), generatedXML(i)),
				add(b, s, fmt.Sprintf("view/Template%d.phtml", i), fmt.Sprintf("<p><?= $block->text(new \\A\\B%d()) ?></p>", i)))
		}
		benchmark(b, s, files)
	})
	b.Run("sources", func(b *testing.B) {
		folder := os.Getenv("NIGHTLY_SOURCES")
		if folder == "" {
			b.Skip("NIGHTLY_SOURCES is not set: it names a folder of git repositories, magento2 among them")
		}
		benchmark(b, s, head(b, s, filepath.Join(folder, "magento2")))
	})
}

func benchmark(b *testing.B, s pipeline.Reader, files []pipeline.File) {
	understood := 0
	for b.Loop() {
		found, err := Files(b.Context(), s, files)
		if err != nil {
			b.Fatal(err)
		}
		understood += len(found)
	}
	b.ReportMetric(float64(understood)/b.Elapsed().Seconds(), "files/s")
}

func generatedClass(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<?php\nnamespace Acme\\Module%d;\n\nuse Vendor\\Package%d\\Client;\n\nclass Model%d extends Client\n{\n", i%50, i%100, i)
	for m := range 15 {
		fmt.Fprintf(&b, "    /** @param Client $client of %d */\n    public function method%d(Client $client, int $n): ?Client\n    {\n"+
			"        // What it does is of no interest.\n        return $n > %d ? new Client('text', [$n]) : $client->send(\"%d {$n}\");\n    }\n\n", m, m, i, m)
	}
	b.WriteString("}\n")
	return b.String()
}

func generatedXML(i int) string {
	var b strings.Builder
	b.WriteString("<config>\n")
	for m := range 30 {
		fmt.Fprintf(&b, "    <preference for=\"Acme\\Module%d\\Api\\Type%d\" type=\"Acme\\Module%d\\Model\\Type%d\"/>\n", i, m, i, m)
	}
	b.WriteString("</config>\n")
	return b.String()
}

// head adds the files of a repository's HEAD to the store.
func head(tb testing.TB, s pipeline.Writer, dir string) []pipeline.File {
	tb.Helper()
	cmd := exec.Command("git", "-C", dir, "archive", "HEAD")
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	var files []pipeline.File
	for tree := tar.NewReader(out); ; {
		header, err := tree.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			tb.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		digest, size, err := s.Add(tb.Context(), tree)
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, pipeline.File{Path: header.Name, Mode: pipeline.Regular, Size: size, Digest: digest})
	}
	if err := cmd.Wait(); err != nil {
		tb.Fatalf("git archive HEAD in %s: %v", dir, err)
	}
	return files
}
