// Package page tests the live page of package serve in a real browser: Chromium
// without a window, driven by ChromeDriver. It has tests only; they need
// OTTLA_INTEGRATION=1 and the programs chromium and chromedriver.
package page
