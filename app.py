"""Start with `streamlit run app.py`: it imports this file for the server, then runs it as the home page.

Each imports its own: what pages are drawn with is not needed for a server to answer.
"""

import streamlit as st

if __name__ == "__main__":
    from pages.parts.home.home_view import home_view

    home_view()
else:
    from pages.parts.home.server import guards, sessions_end

    # `streamlit run` finds it here by its kind, and serves it instead of a server without guards.
    app = st.App(__file__, middleware=guards(), lifespan=sessions_end)
