// Package ci tests which suites .ci/run leaves out.
package ci
