// Package settings reads the settings from environment variables and from a .env file in
// the working folder. It has their names, defaults and rules; the table in the README and
// env.template are generated from it.
//
// It is not for the effect of settings; bootstrap has that.
package settings
