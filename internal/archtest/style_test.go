package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// root is the module's folder, seen from this package.
const root = "../.."

const (
	maxFileLines     = 400
	maxFunctionLines = 80
)

// source is a parsed Go file.
type source struct {
	path  string // relative to the module
	text  []byte
	tree  *ast.File
	files *token.FileSet
}

// rule is one demand on the look of a file. Generated files are exempt from all.
type rule struct {
	name  string
	tests bool // holds in _test.go files too
	check func(source) []string
}

var style = []rule{
	{"file length", true, fileLength},
	{"function length", false, functionLength},
	{"unfinished marks", true, unfinishedMarks},
	{"error texts", false, errorTexts},
}

func TestStyle(t *testing.T) {
	for _, path := range goFiles(t) {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		problems, err := checkStyle(path, text)
		if err != nil {
			t.Error(err)
		}
		for _, problem := range problems {
			t.Error(problem)
		}
	}
}

// goFiles returns the Go files of the module.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != "." && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
			return fs.SkipDir
		}
		if !d.IsDir() && filepath.Ext(name) == ".go" {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no Go files found")
	}
	return files
}

// checkStyle returns what breaks the rules, one line each.
func checkStyle(path string, text []byte) ([]string, error) {
	s := source{path: path, text: text, files: token.NewFileSet()}
	tree, err := parser.ParseFile(s.files, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	s.tree = tree
	if ast.IsGenerated(tree) {
		return nil, nil
	}
	var problems []string
	for _, r := range style {
		if r.tests || !strings.HasSuffix(path, "_test.go") {
			problems = append(problems, r.check(s)...)
		}
	}
	return problems, nil
}

func fileLength(s source) []string {
	lines := bytes.Count(s.text, []byte("\n"))
	if lines <= maxFileLines {
		return nil
	}
	return []string{fmt.Sprintf("%s: %d lines, at most %d: which of its jobs can go to a file of its own?", s.path, lines, maxFileLines)}
}

func functionLength(s source) []string {
	var problems []string
	ast.Inspect(s.tree, func(n ast.Node) bool {
		name := "function literal"
		switch f := n.(type) {
		case *ast.FuncDecl:
			name = f.Name.Name
		case *ast.FuncLit:
		default:
			return true
		}
		lines := s.line(n.End()) - s.line(n.Pos()) + 1
		if lines > maxFunctionLines {
			problems = append(problems, fmt.Sprintf("%s: %s: %d lines, at most %d", s.at(n), name, lines, maxFunctionLines))
		}
		return false // what stands inside is shorter
	})
	return problems
}

var mark = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)

func unfinishedMarks(s source) []string {
	var problems []string
	for _, group := range s.tree.Comments {
		for _, c := range group.List {
			if m := mark.FindString(c.Text); m != "" {
				problems = append(problems, fmt.Sprintf("%s: %s: finish it or file an issue", s.at(c), m))
			}
		}
	}
	return problems
}

// errorTexts looks at the first argument of fmt.Errorf and errors.New. A first
// word with an inner capital, such as KStream or TLS, is a name and stays.
func errorTexts(s source) []string {
	var problems []string
	ast.Inspect(s.tree, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 || !makesError(call.Fun) {
			return true
		}
		text, ok := leadingText(call.Args[0])
		if !ok {
			return true
		}
		switch first, _, _ := strings.Cut(text, " "); {
		case strings.HasPrefix(strings.ToLower(text), "failed to"):
			problems = append(problems, fmt.Sprintf("%s: error text %q: start with the noun, without \"failed to\"", s.at(call), text))
		case startsUpper(first) && capitals(first) == 1:
			problems = append(problems, fmt.Sprintf("%s: error text %q: start in lower case", s.at(call), text))
		}
		return true
	})
	return problems
}

func makesError(fun ast.Expr) bool {
	sel, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && (pkg.Name == "fmt" && sel.Sel.Name == "Errorf" || pkg.Name == "errors" && sel.Sel.Name == "New")
}

// leadingText returns the string literal that an expression starts with.
func leadingText(e ast.Expr) (string, bool) {
	for {
		switch x := e.(type) {
		case *ast.BinaryExpr:
			e = x.X
		case *ast.BasicLit:
			text, err := strconv.Unquote(x.Value)
			return text, err == nil
		default:
			return "", false
		}
	}
}

func startsUpper(s string) bool {
	for _, r := range s {
		return unicode.IsUpper(r)
	}
	return false
}

func capitals(word string) int {
	n := 0
	for _, r := range word {
		if unicode.IsUpper(r) {
			n++
		}
	}
	return n
}

func (s source) line(p token.Pos) int { return s.files.Position(p).Line }

func (s source) at(n ast.Node) string { return fmt.Sprintf("%s:%d", s.path, s.line(n.Pos())) }

func TestCheckStyle(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("\n", n) }
	function := func(n int) string { return "package p\n\nfunc f() {" + lines(n-1) + "}\n" }
	const fix = "FIX" + "ME"
	tests := []struct {
		name, path, text string
		want             string // part of the one problem, empty: none
	}{
		{"longest file", "a.go", "package p\n" + lines(maxFileLines-1), ""},
		{"long file", "a.go", "package p\n" + lines(maxFileLines), "a.go: 401 lines"},
		{"long test file", "a_test.go", "package p\n" + lines(maxFileLines), "401 lines"},
		{"long generated file", "a.go", "// Code generated by x. DO NOT EDIT.\npackage p\n" + lines(maxFileLines), ""},
		{"longest function", "a.go", function(maxFunctionLines), ""},
		{"long function", "a.go", function(maxFunctionLines + 1), "a.go:3: f: 81 lines"},
		{"long function of a test", "a_test.go", function(maxFunctionLines + 1), ""},
		{"long literal", "a.go", "package p\n\nvar f = func() {" + lines(maxFunctionLines) + "}\n", "function literal: 81 lines"},
		{"mark", "a.go", "package p\n\n// " + fix + ": later\n", "a.go:3: " + fix},
		{"mark in a test", "a_test.go", "package p\n\n/*\n" + fix + " */\n", fix},
		{"mark in code", "a.go", "package p\n\nvar c = context.TODO()\n", ""},
		{"mark in a word", "a.go", "package p\n\n// FuzzXXXs\n", ""},
		{"failed to", "a.go", "package p\n\nvar e = fmt.Errorf(\"failed to open\")\n", "failed to"},
		{"failed to, joined", "a.go", "package p\n\nvar e = errors.New(\"Failed to\" + \" open\")\n", "failed to"},
		{"capital", "a.go", "package p\n\nvar e = fmt.Errorf(\"Topic %s: gone\", t)\n", "lower case"},
		{"capital of a name", "a.go", "package p\n\nvar e = fmt.Errorf(\"KStream %s: gone\", t)\n", ""},
		{"one letter", "a.go", "package p\n\nvar e = errors.New(\"A topic\")\n", "lower case"},
		{"no text", "a.go", "package p\n\nvar e = errors.New(\"\")\n", ""},
		{"noun first", "a.go", "package p\n\nvar e = fmt.Errorf(\"topic %s: %w\", t, err)\n", ""},
		{"generic method", "a.go", "package p\n\ntype T struct{}\n\nfunc (T) M[V any](v V) V { return v }\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := checkStyle(tt.path, []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" && len(got) != 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
				t.Errorf("problems %q, want one with %q", got, tt.want)
			}
		})
	}
}
