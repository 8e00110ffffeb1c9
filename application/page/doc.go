// Package page defines limits and parts of lists, the same for every module.
package page
