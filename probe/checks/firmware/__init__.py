"""Questions on firmware and update images: who signed them, and what is inside."""
