package sensor

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// FileSensor waits for a file. A directory counts if it contains a file, at any depth.
//
// Pipes, sockets and devices do not count and are never opened.
type FileSensor struct {
	// Path is the path of the file. It may be a pattern: * matches any part of a name, ? any
	// one character, [a-z] one of these, [!a-z] any other.
	Path string `yaml:"filepath" param:"required,template"`
	// Conn is the connection whose extra holds, under path, the folder of relative paths. An
	// absolute path needs none.
	Conn string `yaml:"fs_conn_id" param:"default=fs_default"`
	// Recursive lets ** in the path stand for any number of directories.
	Recursive bool `yaml:"recursive" param:"default=false"`
}

var _ operator.Operator = (*FileSensor)(nil)

func fileSensorSpec(docs operator.Option) operator.Spec {
	return operator.Define[FileSensor]("file_sensor", docs, operator.Sensor(), operator.Deferrable(),
		operator.Alias(
			"airflow.sensors.filesystem.FileSensor",
			"airflow.contrib.sensors.file_sensor.FileSensor",
			"airflow.providers.standard.sensors.filesystem.FileSensor",
		),
		operator.Example("Wait for the file of the day", `filepath: "/data/in/orders-{{ ds }}.csv"`),
		operator.Example("Wait for any file with one of two endings, below the path of a connection", `
filepath: "**/*.[ct]sv"
fs_conn_id: inbox
recursive: true
`),
	)
}

// Validate checks a pattern that is no template.
func (f *FileSensor) Validate() error {
	if yamlvalue.HoldsTemplate(f.Path) {
		return nil
	}
	for part := range strings.SplitSeq(f.Path, "/") {
		if _, err := matchName(part, "x"); err != nil {
			return params.At("filepath", err)
		}
	}
	return nil
}

// Execute looks once.
func (f *FileSensor) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	pattern, err := f.absolute(ctx, tc)
	if err != nil {
		return nil, err
	}
	found := ""
	g := globber{
		ctx: ctx, recursive: f.Recursive,
		visit: func(path string) error {
			if found = fileIn(ctx, tc, path); found != "" {
				return fs.SkipAll
			}
			return nil
		},
		unreadable: func(err error) { tc.Log.WarnContext(ctx, "could not search everywhere", "error", err) },
	}
	switch err := g.find(pattern); {
	case err != nil:
		return nil, fmt.Errorf("look for the file: %w", err)
	case found == "":
		tc.Log.InfoContext(ctx, "no such file yet", "path", pattern)
		return nil, operator.NotYet()
	}
	tc.Log.InfoContext(ctx, "found the file", "path", found)
	return nil, nil
}

// absolute joins the path with that of the connection.
func (f *FileSensor) absolute(ctx context.Context, tc *operator.TaskContext) (string, error) {
	if filepath.IsAbs(f.Path) {
		return f.Path, nil
	}
	conn, err := tc.Connections.Connection(ctx, f.Conn)
	if err != nil {
		return "", fmt.Errorf("get the connection that a relative filepath needs: %w", err)
	}
	extra, err := conn.ExtraMap()
	if err != nil {
		return "", fmt.Errorf("connection %q: %w", f.Conn, err)
	}
	base, _ := extra["path"].(string)
	if !filepath.IsAbs(base) {
		return "", fmt.Errorf("connection %q needs an absolute path in its extra: {\"path\": \"/data\"}", f.Conn)
	}
	return filepath.Join(base, f.Path), nil
}

// fileIn returns path if it is a file, or a file below it if it is a directory, else "".
func fileIn(ctx context.Context, tc *operator.TaskContext, path string) (found string) {
	switch info, err := os.Stat(path); {
	case err != nil:
		return "" // gone again, or a link to nowhere
	case info.Mode().IsRegular():
		return path
	case !info.IsDir():
		tc.Log.WarnContext(ctx, "this is not a regular file and does not count", "path", path, "mode", info.Mode().String())
		return ""
	}
	return firstBelow(ctx, tc, path)
}

// firstBelow returns a file below a directory, or "".
func firstBelow(ctx context.Context, tc *operator.TaskContext, dir string) (found string) {
	look := func(path string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return fs.SkipAll
		case err != nil:
			tc.Log.WarnContext(ctx, "could not search everywhere", "error", err)
			return fs.SkipDir
		case entry.Type().IsRegular() || entry.Type()&fs.ModeSymlink != 0 && isFile(path):
			found = path
			return fs.SkipAll
		}
		return nil
	}
	// The separator makes the walk begin behind a link. It ends without an error: look
	// gives none.
	_ = filepath.WalkDir(dir+string(filepath.Separator), look)
	return found
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
