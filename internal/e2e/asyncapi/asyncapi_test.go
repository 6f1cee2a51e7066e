// Package asyncapi validates the AsyncAPI documents of programs with the
// reference parser, which runs on Node.
package asyncapi

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestDocuments(t *testing.T) {
	if os.Getenv("OTTLA_INTEGRATION") == "" {
		t.Skip("SKIPPED: it fetches Node packages; set OTTLA_INTEGRATION")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("SKIPPED: npm is not there")
	}
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "validate.mjs"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	files := []string{"validate.mjs"}
	golden, err := filepath.Abs("../../describe/testdata/golden/shop.asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, golden)
	for _, example := range []string{"wordcount", "orders", "fraud"} {
		text, err := exec.CommandContext(t.Context(), "go", "run", "../../../examples/"+example, "describe", "-o", "asyncapi").Output()
		if err != nil {
			t.Fatalf("%s: %v", example, err)
		}
		file := filepath.Join(dir, example+".json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	validate := exec.CommandContext(t.Context(), "node", files...)
	validate.Dir = dir
	out, err := validate.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
