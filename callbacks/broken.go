package callbacks

import (
	"fmt"
	"path/filepath"
	"strings"
)

// shownFiles is how many broken files [Event.Facts] shows.
const shownFiles = 10

// brokenHeadline is that of an event about DAG files.
func brokenHeadline(ev *Event) string {
	if ev.State == "broken" {
		return "DAG 文件无法加载 DAG file cannot be loaded"
	}
	return "DAG 文件已恢复 DAG file can be loaded again"
}

// brokenSubject names the files.
func brokenSubject(ev *Event) string {
	names := make([]string, 0, len(ev.Files))
	for _, f := range ev.Files[:min(len(ev.Files), 3)] {
		names = append(names, filepath.Base(f.File))
	}
	if more := len(ev.Files) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// brokenFacts are the files, since when, and which DAGs get no runs because of them.
func brokenFacts(ev *Event) (all []Fact) {
	for _, f := range ev.Files[:min(len(ev.Files), shownFiles)] {
		name := f.File
		if f.Gone {
			name += " (文件已删除 removed)"
		}
		all = append(all, Fact{"文件 File", name, true}, Fact{"停止调度 DAGs without new runs", strings.Join(f.DAGs, ", "), true})
		if ev.State != "broken" {
			all[len(all)-1].Label = "恢复调度 DAGs that run again"
			if f.Gone {
				all = all[:len(all)-1]
			}
			all = append(all, Fact{Label: "故障时段 Broken", Value: ev.moment(&f.Since) + " .. " + ev.moment(f.Until)})
		}
	}
	if more := len(ev.Files) - shownFiles; more > 0 {
		all = append(all, Fact{Label: "文件 File", Value: fmt.Sprintf("%d more", more)})
	}
	return all
}
