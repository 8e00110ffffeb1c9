// Package page is the rule for parts of a list, the same for every module.
package page
