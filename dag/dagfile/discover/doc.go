// Package discover finds the DAG files of a folder with the defaults files that apply to them:
// without those that .airflowignore leaves out, and never outside of the folder.
package discover
