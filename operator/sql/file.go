package sql

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// maxFile is how large a .sql file may be.
const maxFile = 4 << 20

func hasTemplate(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "{%") || strings.Contains(text, "{#")
}

// loadAll replaces the texts that are names of files by what is in those.
func loadAll(folder string, texts []string) ([]string, error) {
	loaded := make([]string, len(texts))
	for i, text := range texts {
		if !strings.HasSuffix(text, ".sql") {
			loaded[i] = text
			continue
		}
		content, err := load(folder, text)
		if err != nil {
			return nil, fmt.Errorf("read the file that sql names (put a space at the end if it is no file): %w", err)
		}
		if hasTemplate(content) {
			return nil, fmt.Errorf("the file %s has templates, which are not rendered in files: "+
				"write the SQL into the parameter sql, or use parameters", text)
		}
		loaded[i] = content
	}
	return loaded, nil
}

// load reads a file in the folder, and none outside.
func load(folder, name string) (string, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return "", fmt.Errorf("open the folder of the DAG file: %w", err)
	}
	defer root.Close() //nolint:errcheck // nothing was written
	info, err := root.Stat(name)
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is no regular file", name)
	case info.Size() > maxFile:
		return "", fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	file, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	content, err := io.ReadAll(io.LimitReader(file, maxFile))
	return string(content), err
}
