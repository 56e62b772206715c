//! Logs: ChartMuseum's line formats on standard error, as text or JSON.
