package stream

import (
	"os"
	"regexp"
	"testing"
)

// The files of docs/deploy set only what there is, to values that are taken.
func TestDeploymentsAreConfigured(t *testing.T) {
	known := make(map[string]setting)
	for _, s := range settings {
		known[s.env()] = s
	}
	const value = `"?([^"\n]*)"?\n`
	for name, set := range map[string]string{
		"kubernetes.yaml":   `name: (OTTLA_\w+)\s+value: ` + value,
		"shop-view.service": `(?m)^Environment=(OTTLA_\w+)=` + value,
		"Dockerfile":        `(?m)^ENV (OTTLA_\w+)=` + value,
	} {
		text, err := os.ReadFile("../docs/deploy/" + name)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(set).FindAllStringSubmatch(string(text), -1)
		if all := regexp.MustCompile(`OTTLA_\w+`).FindAll(text, -1); len(found) != len(all) || len(found) == 0 {
			t.Errorf("%s: %d of %d settings are understood", name, len(found), len(all))
		}
		for _, m := range found {
			s, ok := known[m[1]]
			if !ok {
				t.Errorf("%s: there is no setting %s", name, m[1])
				continue
			}
			if err := s.set(&Config{}, m[2]); err != nil {
				t.Errorf("%s: %s: %v", name, m[1], err)
			}
		}
	}
}
